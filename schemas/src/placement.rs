//! Which partition a key belongs to: the rule of Java's default partitioner, so that records of one key meet in one
//! partition whoever wrote them (librdkafka calls it `murmur2_random`).

/// The partition of `key` among `partitions`, as Java's `DefaultPartitioner` and `BuiltInPartitioner.partitionForKey`.
///
/// # Panics
/// When `partitions` is 0: a topic has at least one.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    // Java's toPositive drops the sign bit, it is not an absolute value.
    (murmur2(key) & 0x7fff_ffff) as i32 % partitions
}

/// MurmurHash2, 32 bits, with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    // Java's length is an int; a Kafka key is far below 2 GiB.
    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (place, &byte) in tail.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From librdkafka's `unittest_murmur2`, whose figures come from Java.
    const LIBRDKAFKA: &[(&str, u32)] = &[
        ("kafka", 0xd067_cf64),
        ("giberish123456789", 0x8f55_2b0c),
        ("1234", 0x9fc9_7b14),
        ("234", 0xe7c0_09ca),
        ("34", 0x8739_30da),
        ("4", 0x5a4b_5ca1),
        ("PreAmbleWillBeRemoved,ThePrePartThatIs", 0x7842_4f1c),
        ("reAmbleWillBeRemoved,ThePrePartThatIs", 0x4a62_b377),
        ("eAmbleWillBeRemoved,ThePrePartThatIs", 0xe0e4_e09e),
        ("AmbleWillBeRemoved,ThePrePartThatIs", 0x62b8_b43f),
        ("", 0x106e_08d9),
    ];

    /// From Kafka's own `UtilsTest.testMurmur2`.
    const JAVA: &[(&str, i32)] = &[
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn keys_hash_as_the_other_clients_hash_them() {
        for (key, hash) in LIBRDKAFKA {
            assert_eq!(murmur2(key.as_bytes()), *hash, "{key}");
        }
        for (key, hash) in JAVA {
            assert_eq!(murmur2(key.as_bytes()) as i32, *hash, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign_bit_before_the_division() {
        // 0xd067cf64 & 0x7fffffff = 1_348_980_580; an absolute value would be 798_503_068 and end in partition 8.
        assert_eq!(partition_of(b"kafka", 20), 1_348_980_580 % 20);
        assert_eq!(partition_of(b"kafka", 1), 0);
    }
}
