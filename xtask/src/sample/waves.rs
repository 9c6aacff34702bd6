//! Numbers that are drawn or heard: an array and a sound.

use std::f32::consts::TAU;

/// An array of 192 × 256 numbers in NumPy's format: waves from three places.
pub(super) fn npy() -> Vec<u8> {
    const ROWS: u16 = 192;
    const COLUMNS: u16 = 256;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {COLUMNS}), }}");
    // The numbers begin at a multiple of 64 bytes.
    header.push_str(&" ".repeat(64 - (10 + header.len() + 1) % 64));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let from =
                |x: f32, y: f32| ((f32::from(column) - x).hypot(f32::from(row) - y) / 7.0).sin();
            let height = from(60.0, 40.0) + from(190.0, 70.0) + from(120.0, 160.0);
            file.extend(height.to_le_bytes());
        }
    }
    file
}

/// Four seconds of a chord that fades, 16 bits at 22 050 Hz.
pub(super) fn wav() -> Vec<u8> {
    const RATE: u32 = 22_050;
    const SAMPLES: u32 = RATE * 4;
    let bytes = SAMPLES * 2;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for field in [1_u16, 1] {
        file.extend(field.to_le_bytes());
    }
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    for field in [2_u16, 16] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    for sample in 0..SAMPLES {
        let time = sample as f32 / RATE as f32;
        let chord: f32 =
            [220.0, 277.18, 329.63, 440.0].iter().map(|hertz| (time * hertz * TAU).sin()).sum();
        let loudness = (-time).exp() * (time * 60.0).min(1.0);
        file.extend(((chord * loudness * 7000.0) as i16).to_le_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    #[test]
    fn lengths_are_as_the_headers_say() {
        let npy = super::npy();
        let header = usize::from(u16::from_le_bytes([npy[8], npy[9]]));
        assert_eq!((npy.len(), (10 + header) % 64), (10 + header + 192 * 256 * 4, 0));
        let wav = super::wav();
        assert_eq!(u32::from_le_bytes(wav[4..8].try_into().unwrap()) as usize, wav.len() - 8);
    }
}
