//! The chain as it is drawn: a change of the graph is a change of these texts.

#[test]
fn the_chain_is_wired() {
    insta::assert_snapshot!("chain", topology::graph::chain().unwrap().to_string());
}

#[test]
fn the_picture_is_drawn_from_the_chain() {
    insta::assert_snapshot!("picture", topology::graph::chain().unwrap().mermaid());
}

#[test]
fn the_readme_shows_the_picture() {
    let readme = include_str!("../../../README.md");
    assert!(
        readme.contains(&topology::graph::chain().unwrap().mermaid()),
        "copy `ims topology --mermaid` into README.md"
    );
}
