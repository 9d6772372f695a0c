use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use crate::model::Secret;

/// A text that somebody typed or sent. It knows its name, so that a refusal can say which value it is, and it never
/// shows itself in an error.
pub(in crate::brands) struct Field {
    name: Cow<'static, str>,
    text: Secret,
}

impl Field {
    pub(in crate::brands) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::brands) fn text(&self) -> &str {
        self.text.expose()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••")
    }
}

impl Object for Field {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }

    /// A template that joins texts gets the text; what it writes then is checked like any other.
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.expose())
    }
}

/// Text that is written as it is: either its parts were escaped when they were put together, or it is made of
/// letters and digits only.
pub(in crate::brands) struct Written(Secret);

impl Written {
    pub(in crate::brands) fn value(text: impl Into<String>) -> Value {
        Value::from_object(Self(Secret::new(text)))
    }

    pub(in crate::brands) fn text(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••")
    }
}

impl Object for Written {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.expose())
    }
}

/// A text that must arrive exactly as it is.
pub(super) fn field(name: impl Into<Cow<'static, str>>, text: &str) -> Value {
    Value::from_object(Field { name: name.into(), text: Secret::new(text) })
}

/// A text for people, in which outer blanks mean nothing.
pub(super) fn name(name: impl Into<Cow<'static, str>>, text: &str) -> Value {
    field(name, text.trim_matches(' '))
}
