//! Regular expressions of the C library, as OpenRC has them.

use std::ffi::{CStr, CString};
use std::{fmt, mem, ptr};

/// A POSIX extended regular expression.
pub struct Regex(Box<libc::regex_t>);

impl Regex {
    /// Compiles; the error is the C library's explanation.
    pub fn new(pattern: &str) -> Result<Regex, String> {
        let text = CString::new(pattern).map_err(|error| error.to_string())?;
        // SAFETY: `regex_t` is plain data that regcomp fills; zero is a value of each member.
        let mut regex: Box<libc::regex_t> = Box::new(unsafe { mem::zeroed() });
        // SAFETY: the pattern ends with NUL; the result goes to an object of the right type.
        let code = unsafe { libc::regcomp(&mut *regex, text.as_ptr(), libc::REG_EXTENDED | libc::REG_NOSUB) };
        if code == 0 {
            return Ok(Regex(regex));
        }
        let mut message = [0u8; 200];
        // SAFETY: pointer and length are those of one array; the result ends with NUL within it.
        unsafe { libc::regerror(code, &*regex, message.as_mut_ptr().cast(), message.len()) };
        Err(CStr::from_bytes_until_nul(&message).map_or_else(|_| String::new(), |m| m.to_string_lossy().into_owned()))
    }

    /// Whether it matches somewhere in the text.
    pub fn matches(&self, text: &str) -> bool {
        let Ok(text) = CString::new(text) else { return false };
        // SAFETY: the expression was compiled, the text ends with NUL, and no positions are asked for.
        unsafe { libc::regexec(&*self.0, text.as_ptr(), 0, ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: the expression was compiled by regcomp and is freed once.
        unsafe { libc::regfree(&mut *self.0) };
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regex").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_and_explains() {
        let regex = Regex::new("^a(b|c)+$").unwrap();
        assert!(regex.matches("abcb") && !regex.matches("a"));
        assert!(!Regex::new("(").unwrap_err().is_empty());
    }
}
