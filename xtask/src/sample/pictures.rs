//! Pictures: Julia sets, each with colours of its own.

use anyhow::Result;

/// How many there are.
pub(super) const COUNT: u32 = 24;

const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;

/// How often the formula is applied at most.
const STEPS: u32 = 120;

/// One picture as PNG.
pub(super) fn julia(number: u32) -> Result<Vec<u8>> {
    // Constants on a circle just outside of where the sets fall apart into dust.
    let angle = f64::from(number) / f64::from(COUNT) * std::f64::consts::TAU;
    let (real, imaginary) = (0.7885 * angle.cos(), 0.7885 * angle.sin());
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT * 3) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let at = |pixel: u32, size: u32| {
                (f64::from(pixel) - f64::from(size) / 2.0) / f64::from(HEIGHT) * 2.6
            };
            let depth = depth(at(x, WIDTH), at(y, HEIGHT), real, imaginary);
            pixels.extend(color(depth, number));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

/// How soon a point runs away, from 0 to 1; 1 if never.
fn depth(mut x: f64, mut y: f64, real: f64, imaginary: f64) -> f64 {
    for step in 0..STEPS {
        let square = x * x + y * y;
        if square > 64.0 {
            // Between two steps, so that colours run into each other.
            let between = 1.0 - (square.ln() / 64.0_f64.ln()).log2();
            return ((f64::from(step) + between) / f64::from(STEPS)).clamp(0.0, 1.0);
        }
        (x, y) = (x * x - y * y + real, 2.0 * x * y + imaginary);
    }
    1.0
}

/// Waves of three colours, shifted from picture to picture.
fn color(depth: f64, number: u32) -> [u8; 3] {
    let at = depth.sqrt() * 2.2 + f64::from(number) * 0.11;
    [0.0, 0.13, 0.27].map(|shift| {
        let wave = 0.5 - 0.5 * ((at + shift) * std::f64::consts::TAU).cos();
        (wave * (1.0 - 0.85 * depth.powi(4)) * 255.0) as u8
    })
}
