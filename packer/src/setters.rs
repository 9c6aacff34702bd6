//! Options are built: `PackOptions::new().dedup(false).fsync(true)`.

/// Gives options `new` and a method for each field, which is set by `into()` or by the function behind `=`. One that is
/// left out here does not compile.
macro_rules! setters {
    ($options:ident { $($field:ident($type:ty) $(= $from:path)?,)* }) => {
        impl $options {
            /// The defaults.
            pub fn new() -> $options {
                $options::default()
            }

            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> $options {
                    self.$field = setters!(@from $field $($from)?);
                    self
                }
            )*
        }

        const _: fn($options) = |$options { $($field: _,)* }| ();
    };
    (@from $value:ident) => { $value.into() };
    (@from $value:ident $from:path) => { $from($value) };
}
pub(crate) use setters;
