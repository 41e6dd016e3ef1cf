//! What the desktop wants windows to look like, where the windowing library does not tell: on Linux it stands in the
//! settings portal (`org.freedesktop.appearance`), which is asked once and then listened to.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use egui::Theme;

const UNKNOWN: u8 = 0;
const LIGHT: u8 = 1;
const DARK: u8 = 2;

/// What is known so far.
#[derive(Clone, Default)]
pub struct Appearance {
    theme: Arc<AtomicU8>,
    /// 1: motion should be reduced.
    still: Arc<AtomicU8>,
}

impl Appearance {
    /// Begins to watch, on a thread of its own; `wake` is called after each change.
    pub fn watch(wake: impl Fn() + Send + 'static) -> Appearance {
        let appearance = Appearance::default();
        #[cfg(target_os = "linux")]
        {
            let known = appearance.clone();
            let _ = std::thread::Builder::new().name("appearance".to_owned()).spawn(move || {
                // A desktop without a portal simply tells nothing.
                let _ = portal::follow(&known, &wake);
            });
        }
        #[cfg(not(target_os = "linux"))]
        drop(wake);
        appearance
    }

    /// Light or dark, if the desktop said so.
    pub fn theme(&self) -> Option<Theme> {
        match self.theme.load(Ordering::Relaxed) {
            LIGHT => Some(Theme::Light),
            DARK => Some(Theme::Dark),
            _ => None,
        }
    }

    /// Whether motion should be reduced.
    pub fn still(&self) -> bool {
        self.still.load(Ordering::Relaxed) == 1
    }

    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    fn note(&self, key: &str, value: u32) {
        match key {
            "color-scheme" => self.theme.store(scheme(value), Ordering::Relaxed),
            "reduced-motion" => self.still.store(u8::from(value == 1), Ordering::Relaxed),
            _ => {}
        }
    }
}

/// The portal's `color-scheme`: 0 no preference, 1 dark, 2 light.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn scheme(value: u32) -> u8 {
    match value {
        1 => DARK,
        2 => LIGHT,
        _ => UNKNOWN,
    }
}

#[cfg(target_os = "linux")]
mod portal {
    use zbus::{
        blocking::{Connection, Proxy},
        zvariant::{OwnedValue, Value},
    };

    use super::Appearance;

    const NAMESPACE: &str = "org.freedesktop.appearance";

    /// Reads what is set and follows changes until the desktop goes away.
    pub fn follow(known: &Appearance, wake: &impl Fn()) -> zbus::Result<()> {
        let connection = Connection::session()?;
        let proxy = Proxy::new(
            &connection,
            "org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Settings",
        )?;
        // Listen first, so that a change between asking and listening is not lost.
        let changes = proxy.receive_signal("SettingChanged")?;
        for key in ["color-scheme", "reduced-motion"] {
            let read: zbus::Result<OwnedValue> = proxy.call("Read", &(NAMESPACE, key));
            if let Some(value) = read.ok().and_then(|value| number(&value)) {
                known.note(key, value);
            }
        }
        wake();
        for change in changes {
            let body = change.body();
            let Ok((namespace, key, value)) = body.deserialize::<(String, String, Value<'_>)>() else { continue };
            if let Some(value) = number(&value).filter(|_| namespace == NAMESPACE) {
                known.note(&key, value);
                wake();
            }
        }
        Ok(())
    }

    /// `Read` wraps its answer in one variant more than the signal does.
    fn number(value: &Value<'_>) -> Option<u32> {
        match value {
            Value::U32(number) => Some(*number),
            Value::Value(inner) => number(inner),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desktop_may_say_dark_light_or_nothing() {
        let appearance = Appearance::default();
        assert_eq!(appearance.theme(), None);
        for (value, theme) in [(1, Some(Theme::Dark)), (2, Some(Theme::Light)), (0, None), (9, None)] {
            appearance.note("color-scheme", value);
            assert_eq!(appearance.theme(), theme);
        }
        appearance.note("reduced-motion", 1);
        assert!(appearance.still());
    }
}
