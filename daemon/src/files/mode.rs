//! File modes as `ls -l` prints them.

/// Ten characters: kind, then read, write and execute for owner, group and others.
pub(super) fn text(mode: u32) -> String {
    let kind = match mode & libc::S_IFMT {
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFCHR => 'c',
        libc::S_IFBLK => 'b',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '-',
    };
    let special = [(libc::S_ISUID, 's', 'S'), (libc::S_ISGID, 's', 'S'), (libc::S_ISVTX, 't', 'T')];
    let mut text = String::from(kind);
    for (who, (bit, with_execute, without)) in special.into_iter().enumerate() {
        let rights = mode >> (6 - 3 * who);
        let executes = rights & 1 != 0;
        text.push(if rights & 4 != 0 { 'r' } else { '-' });
        text.push(if rights & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & bit != 0, executes) {
            (true, true) => with_execute,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn modes_read_as_in_a_listing() {
        assert_eq!(text(0o040755), "drwxr-xr-x");
        assert_eq!(text(0o100644), "-rw-r--r--");
        assert_eq!(text(0o120777), "lrwxrwxrwx");
        assert_eq!(text(0o104750), "-rwsr-x---");
        assert_eq!(text(0o041776), "drwxrwxrwT");
    }
}
