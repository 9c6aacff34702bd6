/** A tree as people pack them, for pictures: the yield of a field station. All of it is made up here. */

import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { lines, npy, pdf, png, wav } from './sample.js';

/** When everything was made, so that pictures are the same each time. */
const MADE = Date.UTC(2025, 8, 14, 9, 30) / 1000;

const SITES = ['alder-brook', 'birch-hollow', 'cedar-ridge', 'dune-lake'];
const SPECIES = ['wren', 'blackcap', 'redstart', 'nuthatch', 'bullfinch', 'dipper', 'goldcrest'];

/** @param {string} folder */
export function makeShowcase(folder) {
  /** @param {string} path @param {string | Uint8Array} content */
  const file = (path, content) => {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    utimesSync(full, MADE, MADE - (path.length * 7919) % 86_400);
  };
  // The same numbers each time.
  let state = 7;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const pick = (/** @type {string[]} */ list) => list[Math.floor(random() * list.length)] ?? '';

  file('README.md', readme());
  for (const [i, site] of SITES.entries()) {
    for (let shot = 0; shot < 26 - i * 5; shot++) {
      file(`photos/${site}/2025-05-${String(shot + 1).padStart(2, '0')}.png`, png(480, 320, i * 31 + shot));
    }
    for (let night = 0; night < 5 - i; night++) file(`recordings/${site}/night-${night + 1}.wav`, wav(random() * 0.6 + 0.7));
    file(`logs/${site}.log`, lines(9_000 - i * 1_700, (n) => `2025-05-${String((n % 28) + 1).padStart(2, '0')} ${String(n % 24).padStart(2, '0')}:00 battery ${(12 + random()).toFixed(2)} V, ${pick(SPECIES)} heard ${Math.floor(random() * 9)} times`));
  }
  file('tables/sightings.csv', 'id,site,species,count,temperature,observer\n' + lines(14_000, (n) => `${n + 1},${pick(SITES)},${pick(SPECIES)},${1 + Math.floor(random() * 12)},${(8 + random() * 14).toFixed(1)},${pick(['A. Rossi', 'J. Lindqvist', 'M. Okafor'])}`));
  file('tables/events.jsonl', lines(4_000, (n) => JSON.stringify({ id: n, site: pick(SITES), kind: pick(['shutter', 'motion', 'battery']), at: { x: Math.floor(random() * 640), y: Math.floor(random() * 480) } })));
  file('tables/weather.parquet', new Uint8Array(weather(random)));
  file('arrays/elevation.npy', npy('<f4', [240, 360], Float32Array.from({ length: 240 * 360 }, (_, i) => elevation(i % 360, Math.floor(i / 360)))));
  file('arrays/spectra.npy', npy('<f4', [64, 512], Float32Array.from({ length: 64 * 512 }, () => random())));
  file('model/weights.bin', Uint8Array.from({ length: 900_000 }, () => random() * 256));
  file('model/config.json', JSON.stringify({ name: 'songbird', classes: SPECIES, input: { rate: 22050, seconds: 3, mel: { bands: 64, low: 150, high: 11000 } }, layers: [{ kind: 'conv', width: 32 }, { kind: 'conv', width: 64 }, { kind: 'dense', width: SPECIES.length }], trained: true, parent: null }, null, 2));
  file('code/classify.py', python());
  file('code/survey.rs', 'fn main() {\n    println!("surveying");\n}\n');
  file('papers/methods.pdf', pdf());
  for (let i = 0; i < 1_200; i++) file(`labels/clip-${String(i).padStart(4, '0')}.txt`, `${pick(SPECIES)} ${random().toFixed(3)}\n`);
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (name.isDirectory()) utimesSync(join(name.parentPath, name.name), MADE, MADE);
  }
}

/** @param {number} x @param {number} y */
const elevation = (x, y) => 400 + 180 * Math.sin(x / 41 + Math.cos(y / 53)) + 120 * Math.cos(y / 29 + Math.sin(x / 67)) + 30 * Math.sin(x / 9) * Math.cos(y / 11);

/** @param {() => number} random */
function weather(random) {
  const hours = Array.from({ length: 4_800 }, (_, i) => i);
  const warmth = hours.map((hour) => Math.round((12 + 6 * Math.sin((hour % 24) / 3.8 - 2) + 2 * random()) * 10) / 10);
  return parquetWriteBuffer({
    columnData: [
      { name: 'site', data: hours.map((hour) => SITES[hour % SITES.length]), type: 'STRING' },
      { name: 'hour', data: hours.map((hour) => Math.floor(hour / SITES.length)), type: 'INT32' },
      { name: 'temperature', data: warmth, type: 'DOUBLE' },
      { name: 'humidity', data: hours.map(() => 55 + Math.floor(random() * 40)), type: 'INT32' },
      { name: 'wind', data: hours.map(() => Math.round(random() * 90) / 10), type: 'DOUBLE' },
      { name: 'rain', data: hours.map(() => random() > 0.8), type: 'BOOLEAN' },
    ],
    rowGroupSize: 1_000,
  });
}

const readme = () => `# Field station, spring 2025

Four sites along the *Alder* valley, **five weeks**, one pack: photographs every
morning, microphones every night, and what a small model heard in them.

| folder | what is in it |
|---|---|
| \`photos\` | one picture a morning from each site |
| \`recordings\` | sound of the nights with rain left out |
| \`tables\` | sightings, events, reference data |
| \`arrays\` | the elevation model and mel spectra |

## Reading it

1. Sightings are in [tables/sightings.csv](tables/sightings.csv), one line each.
2. Labels belong to clips of three seconds; see \`code/classify.py\`.

\`\`\`python
from station import open_pack

for clip in open_pack("field.pack").glob("recordings/*/*.wav"):
    print(clip.name, classify(clip))
\`\`\`

> Times are in UTC. Every byte is verified before it is shown.
`;

const python = () => `"""Names the birds in a recording."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

SECONDS = 3
CLASSES = [${SPECIES.map((name) => `"${name}"`).join(', ')}]


@dataclass(frozen=True)
class Heard:
    """One bird, and how sure the model is of it."""

    species: str
    score: float
    start: float


def windows(samples: np.ndarray, rate: int):
    """Cuts a recording into clips that overlap by half."""
    step = rate * SECONDS // 2
    for start in range(0, len(samples) - 2 * step + 1, step):
        yield start / rate, samples[start : start + 2 * step]


def classify(path: Path, model, threshold: float = 0.6) -> list[Heard]:
    samples, rate = read_wav(path)
    heard = []
    for start, clip in windows(samples, rate):
        scores = model(mel(clip, rate, bands=64))
        best = int(np.argmax(scores))
        # Rain sounds like goldcrests; quiet clips are left out.
        if scores[best] >= threshold and clip.std() > 0.01:
            heard.append(Heard(CLASSES[best], float(scores[best]), start))
    return heard


if __name__ == "__main__":
    for path in sorted(Path("recordings").rglob("*.wav")):
        print(path, *classify(path, load("model/weights.bin")), sep="\\n  ")
`;
