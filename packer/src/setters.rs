//! Options are built: `PackOptions::new().compress(6).fsync(true)`.

/// Gives options `new` and a method for each field. One that is left out here does not compile.
macro_rules! setters {
    ($options:ident { $($field:ident($type:ty),)* }) => {
        impl $options {
            /// The defaults.
            pub fn new() -> $options {
                $options::default()
            }

            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> $options {
                    self.$field = $field.into();
                    self
                }
            )*
        }

        const _: fn($options) = |$options { $($field: _,)* }| ();
    };
}
pub(crate) use setters;
