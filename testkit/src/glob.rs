//! Glob matching for volatile text: `*`, `?`, `[a-z]`, `[^a]` and `\` before a literal
//! byte.
//!
//! Written plainly, with one backtracking point for the latest `*`: linear in practice,
//! quadratic at worst.

/// Whether the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(length) = single(&pattern[p..], text[t]) {
            p += length;
            t += 1;
        } else if let Some((after, from)) = star {
            p = after;
            t = from + 1;
            star = Some((after, t));
        } else {
            return false;
        }
    }
}

/// Matches one byte against the first element of `pattern`; gives the element's length
/// if it fits.
fn single(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, byte),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        literal => (literal == byte).then_some(1),
    }
}

fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = 1 + usize::from(negated);
    let mut inside = false;
    while at < pattern.len() && pattern[at] != b']' {
        if pattern.get(at + 1) == Some(&b'-') && pattern.get(at + 2).is_some_and(|&end| end != b']')
        {
            inside |= (pattern[at]..=pattern[at + 2]).contains(&byte);
            at += 3;
        } else {
            at += usize::from(pattern[at] == b'\\' && at + 1 < pattern.len());
            inside |= pattern[at] == byte;
            at += 1;
        }
    }
    (inside != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        let fits = [
            ("", ""),
            ("*", ""),
            ("*", "any"),
            ("a*c", "abbc"),
            ("a*c", "ac"),
            ("*a*b*", "xxaxxbxx"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("\\*", "*"),
            ("[\\]]", "]"),
            ("*.[0-9]", "7.0.5"),
        ];
        for (pattern, text) in fits {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
        let misses = [
            ("", "a"),
            ("a", ""),
            ("a*c", "abcd"),
            ("h[^e]llo", "hello"),
            ("?", ""),
            ("\\*", "a"),
            ("[a", "b"),
        ];
        for (pattern, text) in misses {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
    }
}
