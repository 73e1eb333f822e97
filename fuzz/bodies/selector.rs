//! Any text as a selector: read or refused, and what is printed reads back as the same conditions.

use plimsoll::{Labels, Selector};

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(selector) = text.parse::<Selector>() else { return };
    let printed = selector.to_string();
    // Quoting may lengthen a text beyond the limit on selectors; that alone may fail.
    let Ok(again) = printed.parse::<Selector>() else {
        assert!(printed.len() > 16 << 10, "{printed} does not read back");
        return;
    };
    let conditions = |selector: &Selector| -> Vec<_> {
        let matchers = selector.matchers().iter();
        matchers.map(|m| (m.name.clone(), m.op, m.value.clone())).collect()
    };
    assert_eq!(conditions(&selector), conditions(&again));
    assert_eq!(printed, again.to_string());
    if let Ok(labels) = Labels::new("cpu", [("host", "web-1"), ("note", text)]) {
        assert_eq!(selector.matches(&labels), again.matches(&labels));
    }
}
