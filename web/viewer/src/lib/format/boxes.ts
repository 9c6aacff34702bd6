/**
 * Boxes around what is to be seen in a picture, from JSON: COCO's (`images`, `annotations`, `categories`), or that of one
 * picture (`boxes`, `annotations`, `objects` or `shapes`). Whatever is no number, or lies outside, is left out.
 */

export interface Box {
  /** Of the picture, from 0 to 1. */
  x: number;
  y: number;
  width: number;
  height: number;
  label: string;
}

export interface Boxes {
  /** As many as can be drawn. */
  boxes: Box[];
  /** How many the file has of this picture. */
  total: number;
}

/** More would hide the picture. */
export const MOST_BOXES = 500;
const LONGEST_LABEL = 80;

type Fields = Record<string, unknown>;
type Size = { width: number; height: number };

const fieldsOf = (value: unknown): Fields | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : NaN);

/** JSON with the boxes of one picture or of many, to be asked for each. */
export class BoxFile {
  readonly #value: Fields;
  readonly #categories = new Map<unknown, string>();
  /** Images of COCO, by the last name of their paths. */
  readonly #images = new Map<string, Fields[]>();
  readonly #annotations = new Map<unknown, Fields[]>();

  /** `value`: parsed JSON. */
  constructor(value: unknown) {
    this.#value = fieldsOf(value) ?? { boxes: value };
    for (const image of listOf(this.#value.images)) {
      const fields = fieldsOf(image);
      if (typeof fields?.file_name === 'string') push(this.#images, lastName(fields.file_name), fields);
    }
    for (const category of listOf(this.#value.categories)) {
      const fields = fieldsOf(category);
      if (fields) this.#categories.set(fields.id, textOf(fields.name));
    }
    if (this.#images.size === 0) return;
    for (const annotation of listOf(this.#value.annotations)) {
      const fields = fieldsOf(annotation);
      if (fields) push(this.#annotations, fields.image_id, fields);
    }
  }

  /** Of the picture at a path, which has this size. `own`: the file lies beside this picture and is named like it. */
  of(path: string, size: Size, own: boolean): Boxes {
    const image = bestOf(this.#images.get(lastName(path)) ?? [], path);
    if (image !== undefined) return this.#boxesOf(this.#annotations.get(image.id) ?? [], sizeOf(image) ?? size);
    if (!own) return { boxes: [], total: 0 };
    const { boxes, annotations, objects, shapes } = this.#value;
    const lists = [boxes, annotations, objects, shapes].map(listOf);
    const list = lists.find(({ length }) => length > 0) ?? [];
    return this.#boxesOf(list, sizeOf(this.#value) ?? sizeOf({ width: this.#value.imageWidth, height: this.#value.imageHeight }) ?? size);
  }

  #boxesOf(list: unknown[], size: Size): Boxes {
    const boxes: Box[] = [];
    for (const [i, item] of list.entries()) {
      if (boxes.length >= MOST_BOXES) break;
      const corners = cornersOf(item);
      const box = corners && placed(corners, size);
      if (box) boxes.push({ ...box, label: this.#labelOf(item, i).slice(0, LONGEST_LABEL) });
    }
    return { boxes, total: boxes.length < MOST_BOXES ? boxes.length : list.length };
  }

  #labelOf(item: unknown, index: number): string {
    const fields = fieldsOf(item) ?? {};
    const known = this.#categories.get(fields.category_id);
    if (known !== undefined) return known;
    const { label, category, class: kind, category_name: name } = fields;
    for (const value of [label, category, kind, name, fields.name, listOf(this.#value.labels)[index], fields.category_id]) {
      const text = textOf(value);
      if (text !== '') return text;
    }
    return '';
  }
}

const textOf = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
const lastName = (path: string) => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);

function push<K>(map: Map<K, Fields[]>, key: K, value: Fields) {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** The image whose path has the most names in common with this one, from the end on. */
function bestOf(images: Fields[], path: string): Fields | undefined {
  const names = path.split('/').reverse();
  const inCommon = (image: Fields) => {
    const others = String(image.file_name).split(/[\\/]/).reverse();
    const different = names.findIndex((name, i) => others[i] !== name);
    return different < 0 ? names.length : different;
  };
  let best: [Fields, number] | undefined;
  // Many of one name are of no use to anybody.
  for (const image of images.slice(0, 1000)) {
    const length = inCommon(image);
    if (best === undefined || length > best[1]) best = [image, length];
  }
  return best?.[0];
}

function sizeOf({ width, height }: Fields): Size | undefined {
  const size = { width: numberOf(width), height: numberOf(height) };
  return size.width >= 1 && size.height >= 1 && Number.isFinite(size.width + size.height) ? size : undefined;
}

/** Left, top, right, bottom, as far as they are told. */
function cornersOf(item: unknown): [number, number, number, number] | undefined {
  const fields = fieldsOf(item);
  const list = Array.isArray(item) ? item : [fields?.bbox, fields?.box].find(Array.isArray);
  if (list !== undefined) {
    const [x, y, width, height] = (list as unknown[]).map(numberOf);
    return list.length < 4 ? undefined : [x ?? NaN, y ?? NaN, (x ?? NaN) + (width ?? NaN), (y ?? NaN) + (height ?? NaN)];
  }
  if (fields === undefined) return undefined;
  const points = listOf(fields.points).slice(0, 10_000).map((point) => listOf(point).map(numberOf));
  if (points.length >= 2) {
    const [xs, ys] = [points.map(([x = NaN]) => x), points.map(([, y = NaN]) => y)];
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  }
  const inner = fieldsOf(fields.bndbox) ?? fieldsOf(fields.bbox) ?? fieldsOf(fields.box) ?? fields;
  const { xmin, ymin, xmax, ymax, x, y, width, height } = inner;
  if (xmin !== undefined) return [numberOf(xmin), numberOf(ymin), numberOf(xmax), numberOf(ymax)];
  return x === undefined ? undefined : [numberOf(x), numberOf(y), numberOf(x) + numberOf(width), numberOf(y) + numberOf(height)];
}

/** As parts of the picture, cut where it ends; undefined where nothing of it is inside. */
function placed([left, top, right, bottom]: [number, number, number, number], { width, height }: Size): Omit<Box, 'label'> | undefined {
  const cut = (value: number) => Math.min(Math.max(value, 0), 1);
  const [x, y] = [cut(left / width), cut(top / height)];
  const box = { x, y, width: cut(right / width) - x, height: cut(bottom / height) - y };
  return box.width > 0 && box.height > 0 ? box : undefined;
}
