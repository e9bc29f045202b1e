//! `/etc/passwd` and `/etc/group`, from their text.
//!
//! Two views, for two kinds of question. [`user`], [`user_of`], [`group`] and [`groups`] use well-formed lines only:
//! who somebody *is*. [`lines`] returns every line, even a malformed one: what a file *claims*, for callers that must
//! miss nothing, such as numbers in use.

/// The largest UID or GID. For the calls that change users, 4294967295 means "keep the present value", which may be
/// root; and a reader of signed numbers would see a negative number above this one.
pub const MAX_ID: u32 = i32::MAX as u32;

/// Decimal digits without a sign and leading zeros, up to [`MAX_ID`].
pub fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| plain && *number <= MAX_ID)
}

/// A line of either file: three fields, whatever is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The first field.
    pub name: &'a str,
    /// The third field.
    pub digits: &'a str,
    /// The rest after the third field.
    pub rest: &'a str,
}

impl Line<'_> {
    /// The third field as a number, if it is a valid UID or GID.
    pub fn number(&self) -> Option<u32> {
        number(self.digits)
    }
}

/// Every line of three or more fields.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.splitn(4, ':');
        let (name, _password, digits) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Line { name, digits, rest: fields.next().unwrap_or_default() })
    })
}

/// Whether any line, well-formed or not, has that name.
pub fn has_name(text: &str, name: &str) -> bool {
    text.lines().any(|line| line.split(':').next() == Some(name))
}

/// A well-formed line of `/etc/passwd`: seven fields, a name, and valid numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User<'a> {
    /// Name; never empty.
    pub name: &'a str,
    /// UID.
    pub uid: u32,
    /// GID of its primary group.
    pub gid: u32,
    /// Home directory.
    pub home: &'a str,
    /// Login shell.
    pub shell: &'a str,
}

impl<'a> User<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _password, uid, gid, _full_name, home, shell] = fields[..] else { return None };
        (!name.is_empty()).then_some(Self { name, uid: number(uid)?, gid: number(gid)?, home, shell })
    }
}

/// The user of that name. The first line with the name decides: if it is malformed, the user does not exist.
pub fn user<'a>(passwd: &'a str, name: &str) -> Option<User<'a>> {
    passwd.lines().find(|line| line.split(':').next() == Some(name)).and_then(User::parse)
}

/// The user with that UID. The first line with the UID decides: if it is malformed, the user does not exist.
pub fn user_of(passwd: &str, uid: u32) -> Option<User<'_>> {
    let has_number = |line: &&str| line.split(':').nth(2).is_some_and(|digits| digits.parse() == Ok(uid));
    passwd.lines().find(has_number).and_then(User::parse)
}

/// A well-formed line of `/etc/group`: four fields, a name, and a valid number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'a> {
    /// Name; never empty.
    pub name: &'a str,
    /// GID.
    pub gid: u32,
    members: &'a str,
}

impl<'a> Group<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _password, gid, members] = fields[..] else { return None };
        (!name.is_empty()).then_some(Self { name, gid: number(gid)?, members })
    }

    /// Whether it lists a user of that name.
    pub fn lists(&self, user: &str) -> bool {
        !user.is_empty() && self.members.split(',').any(|member| member == user)
    }
}

/// The group of that name. The first line with the name decides: if it is malformed, the group does not exist.
pub fn group<'a>(group: &'a str, name: &str) -> Option<Group<'a>> {
    group.lines().find(|line| line.split(':').next() == Some(name)).and_then(Group::parse)
}

/// Every well-formed line of `/etc/group`.
pub fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(Group::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nshort:x:1:1::/\nshort:x:2:2::/:/bin/sh\nlong:x:3:3::/:/bin/sh:\n\
                          :x:4:4::/:/bin/sh\nplus:x:+5:5::/:/bin/sh\nzero:x:06:6::/:/bin/sh\nall:x:4294967295:7::/:/bin/sh\n\
                          +\nanna:x:1000:100:Anna:/home/anna:/bin/sh\nagain:x:1000:0::/:/bin/sh\n";
    const GROUP: &str =
        "root:x:0:\nwheel:x:10:anna,,bert\nbroken:x:11\nlong:x:12:anna:\nusers:x:x:anna\nlog:x:13:annabel,anna\n";

    #[test]
    fn a_user_is_a_whole_line_of_its_name() {
        let anna = User { name: "anna", uid: 1000, gid: 100, home: "/home/anna", shell: "/bin/sh" };
        assert_eq!(user(PASSWD, "anna"), Some(anna));
        assert_eq!(user_of(PASSWD, 1000), Some(anna));
        assert_eq!(user_of(PASSWD, 0).unwrap().name, "root");
        // A second line does not repair a malformed first one.
        for none in ["short", "long", "", "plus", "zero", "all", "+", "ann"] {
            assert_eq!(user(PASSWD, none), None, "{none}");
        }
        for none in [1, 3, 4, 5, 6, u32::MAX, 7] {
            assert_eq!(user_of(PASSWD, none), None, "{none}");
        }
    }

    #[test]
    fn a_group_is_a_whole_line_of_its_name() {
        let wheel = group(GROUP, "wheel").unwrap();
        assert_eq!((wheel.gid, wheel.lists("anna"), wheel.lists("bert")), (10, true, true));
        assert!(!wheel.lists("") && !wheel.lists("ann") && !wheel.lists("anna,"));
        for none in ["broken", "long", "users", "", "whee"] {
            assert_eq!(group(GROUP, none), None, "{none}");
        }
        let of_anna: Vec<u32> = groups(GROUP).filter(|group| group.lists("anna")).map(|group| group.gid).collect();
        assert_eq!(of_anna, [10, 13]);
    }

    #[test]
    fn what_is_claimed_is_seen_whatever_else_is_wrong() {
        let claimed: Vec<u32> = lines(PASSWD).filter_map(|line| line.digits.parse().ok()).collect();
        assert_eq!(claimed, [0, 1, 2, 3, 4, 5, 6, u32::MAX, 1000, 1000]);
        let possible: Vec<u32> = lines(PASSWD).filter_map(|line| line.number()).collect();
        assert_eq!(possible, [0, 1, 2, 3, 4, 1000, 1000]);
        assert!(has_name(PASSWD, "short") && has_name(PASSWD, "+") && !has_name(PASSWD, "ann"));
        assert_eq!(lines("a:x:1").next().unwrap().rest, "");
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!((number("0"), number("2147483647")), (Some(0), Some(MAX_ID)));
        for bad in
            ["", "-1", "+1", " 1", "01", "00", "0x1", "2147483648", "4294967295", "4294967296", "99999999999999999999"]
        {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn fuzz_lookups_never_find_a_malformed_line() {
        testkit::fuzz::repeat(1, b":\n0129ax,x", |random| {
            let text = String::from_utf8_lossy(&random.damaged(PASSWD.as_bytes())).into_owned();
            for line in lines(&text) {
                if let Some(found) = user(&text, line.name) {
                    assert!(found.name == line.name && !found.name.is_empty() && found.uid <= MAX_ID);
                }
                if let Some(found) = group(&text, line.name) {
                    assert!(found.name == line.name && found.gid <= MAX_ID);
                }
            }
        });
    }
}
