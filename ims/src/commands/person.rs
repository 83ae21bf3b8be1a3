//! Who runs a command, as the audit names him.

use rustix::process::geteuid;

/// Variables that name who sits there; first the one of who is somebody else for a while.
const VARIABLES: [&str; 3] = ["SUDO_USER", "USER", "LOGNAME"];

/// By name: of the environment, or else of the system's table of users; or as `uid 0`.
pub fn name() -> String {
    known().unwrap_or_else(number)
}

/// By name, number and machine: names can be set to anything, the number cannot.
pub fn whole() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let person = known().map_or_else(number, |name| format!("{name} ({})", number()));
    format!("{person} on {}", machine.trim())
}

fn number() -> String {
    format!("uid {}", geteuid().as_raw())
}

fn known() -> Option<String> {
    first_of(|variable| std::env::var(variable).ok(), || whoami::fallible::username().ok())
}

fn first_of(variable: impl Fn(&str) -> Option<String>, system: impl FnOnce() -> Option<String>) -> Option<String> {
    let is_said = |name: &String| !name.is_empty();
    VARIABLES.into_iter().find_map(|name| variable(name).filter(is_said)).or_else(|| system().filter(is_said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_somebody_else_for_a_while_is_named_as_himself_and_who_has_no_variable_by_the_system() {
        let of = |set: &[(&str, &str)], system: Option<&str>| {
            let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            first_of(variable, || system.map(str::to_owned))
        };
        let said = |name: &str| Some(name.to_owned());
        assert_eq!(of(&[("USER", "root"), ("SUDO_USER", "kim")], Some("root")), said("kim"));
        assert_eq!(of(&[("LOGNAME", "lee"), ("USER", "")], Some("root")), said("lee"));
        assert_eq!(of(&[], Some("ims")), said("ims"));
        assert_eq!(of(&[], None), None);
    }
}
