//! The tables as they are published.

use super::*;

/// code or codes | class
const KAKAO: &str = "
0000, 1000 | done
1001 | F
1002 | B
1003 | B, S→
1004 | F
1006 | B, S→
1007 | B, S→
1011 | B, S→
1012, 1020 | F, S→
1013 | F, S→
1014 | B
1015 | F, S→
1016 | B
1021 | B, S→
1022 | B, S→
1023 | B, S→
1024 | B, S→
1025 | B, S→
1027 | B, S→
1028 | F
1030 | F
1033 | F
2001 | R
2003 | F
2005 | R
2006 | F
3000 | R
3005 | U
3006 | R, S→
3008 | F
3010 | F
3011 | F
3012 | D
3013 | F
3014 | F, S→
3015 | B, S→
3016 | F, S→
3018 | F, S→
3019 | F, S→
3020 | F, information S→
3021 | F, S→
3022 | hold
3023 | F
3024 | F, S→
3025 | F, S→
3026 | F
3027 | F, S→
3028–3029 | F, S→
3030 | F, S→
3031–3032 | F, S→
3033–3035 | F, S→
3036–3040 | F, S→
3041 | F
3042 | F, S→
3043–3045 | F
3046–3047 | F
3048 | F
3050 | F, S→
3051–3052 | F
3053–3055, 3057 | F
3056, 3058 | F
4000 | poll
4001 | U
4100–4104, 4110, 4120–4122, 4130, 4132–4134 | F
4131 | D
4137, 4139–4142 | R
4138, 4156 | R
4143 | F
4144 | F
4161 | poll
9998 | R
9999 | R";

const TEXT: &str = "
1000 | done
1001 | R
1002 | F
1003 | B
1019 | F
2000 | F
2001 | R
2002 | R
2003 | R
2004 | R
2005 | R
2006 | F
2007 | R
3000 | F
3001 | F
3002 | F
3003 | F
3004 | F
3005 | R
3006 | F
3007 | F
3008 | R once
3009 | F
3010 | F
3011 | R
3012 | F
3013 | F
3014 | R once
3015 | R elsewhere
3016 | F
3017 | B
3018 | B
3019 | B
4001, 4003, 4005–4006, 4008, 4010 | F
4002 | B
4004, 4009 | R
4007 | R elsewhere
E900, E999 | R once
E911, E913 | F
E915 | D
E919 | F";

const RCS: &str = "
0 | done
54001 | F, S→
54002 | F, S→
54003 | F, S→
41101, 41200 | F, S→
41210–41252 | F, S→
50201 | R
41003 | R
41004, 41005 | R
59001–59003 | R
42601 | R
55000–55805, 55807–55999 | F
55806 | D
51907, 52016, 56007 | F";

const FCM: &str = "
200 | done
UNSPECIFIED_ERROR | R once
INVALID_ARGUMENT, INVALID_ARGUMENT.token | F
THIRD_PARTY_AUTH_ERROR | B
SENDER_ID_MISMATCH | F
UNREGISTERED | F
QUOTA_EXCEEDED | R
INTERNAL | R
UNAVAILABLE | R
UNAUTHENTICATED | R once
NOT_FOUND, PERMISSION_DENIED | B";

const APNS: &str = "
200 | done
BadDeviceToken, DeviceTokenNotForTopic | F
BadCollapseId, BadExpirationDate, BadMessageId, BadPath, BadPriority, DuplicateHeaders, InvalidPushType | F
MethodNotAllowed, MissingDeviceToken, PayloadEmpty | F
BadTopic, MissingTopic, TopicDisallowed | B
BadCertificate, BadCertificateEnvironment, BadEnvironmentKeyIdInToken, UnrelatedKeyIdInToken | B
Forbidden, MissingProviderToken | B
ExpiredProviderToken, InvalidProviderToken | R once
ExpiredToken, Unregistered | F
PayloadTooLarge | F
IdleTimeout | R
TooManyRequests, TooManyProviderTokenUpdates | R
InternalServerError, ServiceUnavailable, Shutdown | R";

const SMTP: &str = "
5.1.1, 5.1.2, 5.1.3, 5.1.6, 5.1.10, 5.2.1 | F, S→
5.1.7, 5.2.2, 5.2.3, 5.3.3, 5.3.4, 5.5.2, 5.7.1, 5.7.26 | F
5.7.8, 5.7.99 | B, S→
4.2.1, 4.2.2, 4.4.1, 4.4.2, 4.4.7 | R";

/// Reports of text, KakaoTalk and RCS, answers to a request to send or an upload; codes as published, the class is ours.
const BIZGO: &str = "
10000 | done
22000 | F
22001–22005, 22007 | R
22006 | F
23000–23004, 23006 | F
23005 | R
23008, 23014 | R once
23009–23010, 23012–23013, 23016 | F
23011 | R
23015 | R elsewhere
23018–23019 | B
23022, 23025, 23029–23034, 23040–23041 | F
23023, 23036, 23037 | B
23035 | R elsewhere
32000 | F
32001–32005, 32007 | R
32006 | F
33000–33004, 33006 | F
33005 | R
33008, 33014 | R once
33009–33010, 33012–33013, 33016 | F
33011 | R
33015 | R elsewhere
33018–33019 | B
33022, 33025, 33029–33034, 33040–33041 | F
33023, 33036 | B
33035 | R elsewhere
60162, 60400, 60500, 64008, 64009 | B
60600 | F
61001, 61004, 61012–61013, 61015, 61020, 61026, 61028, 61030, 61033 | F
61002–61003, 61006–61007, 61011, 61014, 61016, 61021–61025, 61027 | B
62003, 62006 | F
62004–62005 | R
63000, 63006 | R
63005 | U
63008, 63010–63011, 63013–63014, 63016, 63018–63021, 63023–63048, 63050–63058 | F
63012 | D
63015 | B
63022 | hold
64000 | poll
64001 | U
64102, 64104, 64110, 64121–64122 | F
65000–65001, 67011, 67014, 68512, 68514, 68520–68523, 68530 | F
68999, 69998–69999, 90000 | R
6ME09 | U
99999 | F
A000 | done
A001, A100 | R once
A002, A110, A111, A113, A302, A323, A325, A327, A502, A505 | B
A010, A011, A217, A219, A220, A300, A303, A304, A305, A306, A307, A308, A309, A310, A311, A313, A318, A319 | F
A020, A320 | R
A301 | D
A321, A322, A324, A326, A328, A501, A503, A513, A521, A523, A524, A525, A526, A559, A560, A561, A562, A563 | F
A564, A565 | F
A910, A920, A999 | U
common.A100, common.A304, common.A400, common.A406, common.A413, common.A414, common.A415 | F
common.A301, common.A302, common.A303, common.A307, common.A308, common.A403, common.A404, common.A405 | B
common.A407 | B
common.A401 | R once
common.A500, common.A501, common.A502, common.A503, common.A504, common.A511 | U
33100, 33101, 33102–33113, 33117–33120, 33124, 41002, 41200, 41210–41252 | F
42002–42005, 42007–42015, 42031–42032, 42034–42036, 42038–42073, 42100–42108, 42200–42202, 42205–42208 | F
42301–42305, 42307–42316, 42402, 42602, 51003–51006, 51900, 51907–51910, 52001, 52016, 53001–53008, 53011 | F
54001–54003, 54005, 54006–54007, 54008, 55001–55002, 55101–55104, 55201–55210, 55301–55304, 55501–55509 | F
55601–55604, 55621–55623, 55701–55712, 55801–55805, 55810–55819, 55820, 55822, 55880–55887, 55900–55901 | F
56007, 56101, 59999, A200, A201, A202, A203, A204, A205, A206, A207, A208, A213, A401, A402, A403, A406 | F
A407, A408, A409, A411, A412, A415, A417, A424, A425, A426, A427, A428, A429, A430, A431, A432, A433 | F
A434, A506, A567, A568, A569, A571, A572, A573 | F
33114, 42514, 55806 | D
33115–33116, 33121, 33122, 33200, 40001–40004, 40006–40007, 42001, 50001–50012, 50101, 51101–51104, 51911 | B
52003–52012, 52023, 52098–52099, 55807–55809, 64010, A404, A413, A418, A419, A420, A570 | B
33123, 41100–41109, 41111–41116, 41118, 42601, 45000–45007, 50100, 50201, 50202, 51901–51906, 51912 | R
52002, 52101–52106, 54004, 59001–59003, 59202–59203, 59901, A214, A215 | R
41117, 55821, 56002, 56003 | U";

/// SMPP 3.4 §5.1.3 and appendix B; codes as published there, the class is ours.
const SMPP: &str = "
0x00000000, DELIVRD | done
0x00000001, 0x00000002, 0x00000003, 0x00000006, 0x00000007, 0x0000000C, 0x00000011, 0x00000013, 0x00000033 | F
0x00000034, 0x00000040, 0x00000042, 0x00000043, 0x00000044, 0x00000054, 0x00000055, 0x00000061, 0x00000062 | F
0x00000063, 0x00000066, 0x00000067, 0x000000C0, 0x000000C1, 0x000000C2, 0x000000C3, 0x000000C4, REJECTD | F
0x0000000B, 0x00000050, 0x00000051, 0x00000065, 0x000000FE, DELETED, EXPIRED, UNDELIV | F, S→
0x00000004, 0x00000005, 0x0000000D, 0x0000000E, 0x0000000F, 0x00000015, 0x00000053 | B
0x0000000A, 0x00000048, 0x00000049 | B, S→
0x00000008, 0x00000014, 0x00000058, 0x00000064 | R, S→
0x00000045, 0x000000FF | R once, S→
UNKNOWN | U
ACCEPTD, ENROUTE | poll";

/// NHN Cloud SMS, answers; codes as published, the class is ours.
const NHN_SMS: &str = "
0 | done
4 | F
-1000–-1004, -1007–-1008, -2312–-2313, -6000, -6004, -9995, -9998 | B
-1005–-1006, -2000–-2012, -2014–-2017, -2018–-2019, -2022–-2023, -2024, -2043, -2048 | F
-2100–-2112, -2114–-2117, -2200–-2206, -2700–-2701, -2703–-2704, -2706, -4000, -6001, -6003, -7000–-7002, -8000 | F
-9996–-9997 | F
-2021 | R, S→
-2044–-2047, -2050–-2053 | R elsewhere, S→
-9999 | U";

/// NHN Cloud KakaoTalk Bizmessage, answers; codes as published, the class is ours.
const NHN_KAKAO: &str = "
0 | done
4, -1002–-1003, -1010, -1013, -1016, -1018–-1020, -1022–-1023, -1025–-1026, -1028, -1029, -1031 | F
-2000–-2005, -2018–-2019, -2023–-2031, -2032–-2037, -2500–-2501, -2502, -2504–-2505 | F
-3000, -3001–-3002, -3004, -3006–-3011, -3012–-3013, -3016–-3018, -3020–-3021, -3024–-3028, -3030 | F
-3032–-3053, -3100–-3103, -3200–-3213, -3215–-3226, -3298–-3301, -3303–-3328, -3330–-3338, -3340–-3345 | F
-4000–-4001, -4003, -4007, -4009–-4011, -4014, -4016–-4018, -4019, -4020–-4029, -4101, -4103–-4104, -4200 | F
-5000, -8000–-8005, -8006, -8007, -8008, -8009–-8013, -9992–-9994, -9996–-9997 | F
-1000–-1001, -1006, -1014, -1024, -1027, -1030, -2017, -3003, -3005, -4002, -4004–-4005, -9998 | B
-1005 | D
-7000, -9999 | U";

/// Every single code that an entry like `4100–4104, 4110` names.
pub(super) fn codes(entry: &str) -> Vec<String> {
    let one = |part: &str| match part.split_once('–') {
        None => vec![part.to_owned()],
        Some((first, last)) => {
            let (first, last): (i32, i32) = (first.parse().unwrap(), last.parse().unwrap());
            (first.min(last)..=first.max(last)).map(|code| code.to_string()).collect()
        }
    };
    entry.split(", ").flat_map(one).collect()
}

pub(super) fn published(table: CodeTable) -> Vec<(String, &'static str)> {
    let text = match table {
        Kakao => KAKAO,
        Text => TEXT,
        Rcs => RCS,
        Fcm => FCM,
        Apns => APNS,
        Smtp => SMTP,
        Bizgo => BIZGO,
        Smpp => SMPP,
        NhnSms => NHN_SMS,
        NhnKakao => NHN_KAKAO,
    };
    let line = |line: &'static str| {
        let (entry, class) = line.split_once(" | ").unwrap();
        codes(entry).into_iter().map(move |code| (code, class))
    };
    text.lines().filter(|l| !l.is_empty()).flat_map(line).collect()
}
