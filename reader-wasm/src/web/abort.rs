//! Waiting for what may never come: until a signal is aborted, or time is up.

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
use std::pin::pin;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

/// Why something did not come.
#[derive(Debug)]
pub(super) enum Ended {
    Aborted(JsValue),
    TimedOut,
}

/// Listens to a signal.
#[derive(Debug)]
pub(super) struct Watch {
    listening: Option<(AbortSignal, Function, Promise)>,
}

impl Watch {
    pub(super) fn new(signal: Option<&AbortSignal>) -> Watch {
        let listening = signal.map(|signal| {
            let mut listener = None;
            let aborted = Promise::new(&mut |resolve, _| listener = Some(resolve));
            let listener = listener.unwrap_or_default();
            // A function that the browser made; nothing can be wrong with it.
            let _ = signal.add_event_listener_with_callback("abort", &listener);
            (signal.clone(), listener, aborted)
        });
        Watch { listening }
    }

    /// Fails when the signal is aborted already.
    pub(super) fn check(&self) -> Result<(), Ended> {
        match &self.listening {
            Some((signal, _, _)) if signal.aborted() => Err(Ended::Aborted(signal.reason())),
            _ => Ok(()),
        }
    }

    /// What comes of `work`, unless the signal is aborted, or so many milliseconds pass (0: any number of them).
    pub(super) async fn wait<T>(
        &self,
        work: impl Future<Output = T>,
        timeout: u32,
    ) -> Result<T, Ended> {
        self.check()?;
        let aborted = async {
            match &self.listening {
                Some((_, _, aborted)) => drop(JsFuture::from(aborted.clone()).await),
                None => std::future::pending().await,
            }
        };
        let late = async {
            match timeout {
                0 => std::future::pending().await,
                milliseconds => TimeoutFuture::new(milliseconds).await,
            }
        };
        let (aborted, late) = (pin!(aborted), pin!(late));
        match select(pin!(work), select(aborted, late)).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((Either::Left(_), _)) => {
                Err(self.check().err().unwrap_or(Ended::TimedOut))
            }
            Either::Right((Either::Right(_), _)) => Err(Ended::TimedOut),
        }
    }

    /// Waits so many milliseconds, unless the signal is aborted.
    pub(super) async fn sleep(&self, milliseconds: u32) -> Result<(), Ended> {
        self.wait(TimeoutFuture::new(milliseconds), 0).await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((signal, listener, _)) = &self.listening {
            let _ = signal.remove_event_listener_with_callback("abort", listener);
        }
    }
}
