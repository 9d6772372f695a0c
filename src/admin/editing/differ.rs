//! How one text differs from another, line by line. PURE.

/// Lines that are compared one by one; of longer texts the rest counts as exchanged.
const MOST: usize = 2_000;

/// Lines that are only in `old` with `-` before them, those only in `new` with `+`, in order, each run with the number
/// of its first line in `new`. Empty where the texts are the same.
pub(in crate::admin) fn differences(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let before = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let rest = (old.len().min(new.len())) - before;
    let after = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let left = old.get(before..old.len() - after).unwrap_or_default();
    let right = new.get(before..new.len() - after).unwrap_or_default();
    let kept = if left.len().max(right.len()) <= MOST { common(left, right) } else { Vec::new() };
    let mut said = String::new();
    let (mut from, mut to) = (0, 0);
    for (at_left, at_right) in kept.into_iter().chain([(left.len(), right.len())]) {
        if from < at_left || to < at_right {
            said += &format!("@ line {}\n", before + to + 1);
        }
        for line in left.get(from..at_left).unwrap_or_default() {
            said += &format!("-{line}\n");
        }
        for line in right.get(to..at_right).unwrap_or_default() {
            said += &format!("+{line}\n");
        }
        (from, to) = (at_left + 1, at_right + 1);
    }
    said
}

/// Places of the longest common run of lines, with gaps, in both.
fn common(left: &[&str], right: &[&str]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    // How many lines the rests from each pair of places on have in common.
    let mut lengths = vec![0_u16; (left.len() + 1) * width];
    let at = |lengths: &[u16], l: usize, r: usize| lengths.get(l * width + r).copied().unwrap_or_default();
    for (l, one) in left.iter().enumerate().rev() {
        for (r, other) in right.iter().enumerate().rev() {
            let best = if one == other {
                at(&lengths, l + 1, r + 1) + 1
            } else {
                at(&lengths, l + 1, r).max(at(&lengths, l, r + 1))
            };
            if let Some(cell) = lengths.get_mut(l * width + r) {
                *cell = best;
            }
        }
    }
    let (mut l, mut r, mut found) = (0, 0, Vec::new());
    while let (Some(one), Some(other)) = (left.get(l), right.get(r)) {
        if one == other {
            found.push((l, r));
            (l, r) = (l + 1, r + 1);
        } else if at(&lengths, l + 1, r) >= at(&lengths, l, r + 1) {
            l += 1;
        } else {
            r += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(differences("a\nb\nc\n", "a\nb\nc\n"), "");
        assert_eq!(differences("a\nb\nc\nd\n", "a\nx\nc\nd\ne\n"), "@ line 2\n-b\n+x\n@ line 5\n+e\n");
        assert_eq!(differences("", "a\n"), "@ line 1\n+a\n");
        assert_eq!(differences("a\na\n", "a\n"), "@ line 2\n-a\n");
        let long: String = (0..5_000).map(|n| format!("{n}\n")).collect();
        assert!(differences(&long, &long.replace("7\n", "seven\n")).contains("+seven"));
    }
}
