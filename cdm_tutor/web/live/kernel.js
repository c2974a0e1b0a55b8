// The one loop in which nearly all of the time goes by: the product of two matrices, out = a b.
// As WebAssembly, which takes four numbers at a time, and in plain JavaScript for browsers that cannot do that.
//
//     a: rows x inner,  out: rows x columns;  each a Float32Array, row after row
//     b: inner x columns, a Float32Array in which row k begins at starts[k]; so rows may overlap

// Four rows at a time: then each number of b is fetched once for four sums. At the end the last row may come more than
// once, which does no harm.
function plainProduct(a, b, starts, rows, columns) {
  const inner = starts.length;
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i += 4) {
    const [i1, i2, i3] = [i + 1, i + 2, i + 3].map((row) => Math.min(row, rows - 1));
    for (let j = 0; j < columns; j++) {
      let sum0 = 0;
      let sum1 = 0;
      let sum2 = 0;
      let sum3 = 0;
      for (let k = 0; k < inner; k++) {
        const number = b[starts[k] + j];
        sum0 += a[i * inner + k] * number;
        sum1 += a[i1 * inner + k] * number;
        sum2 += a[i2 * inner + k] * number;
        sum3 += a[i3 * inner + k] * number;
      }
      out[i * columns + j] = sum0;
      out[i1 * columns + j] = sum1;
      out[i2 * columns + j] = sum2;
      out[i3 * columns + j] = sum3;
    }
  }
  return out;
}

// Where the rows of an ordinary matrix begin.
function rowStarts(inner, columns) {
  return Int32Array.from({ length: inner }, (_, k) => k * columns);
}

// The kernel makes a tile of out at a time: TALL rows of WIDE columns, which stay in registers while k runs over inner.
const TALL = 4;
const WIDE = 8;
const LANES = 4; // numbers in a register
const BYTES = 4; // of a number

// --- a very small assembler: an instruction is the list of its bytes

const I32 = 0x7f;
const V128 = 0x7b; // a register of four numbers
const get = (local) => [0x20, local]; // local.get
const set = (local) => [0x21, local]; // local.set
const constant = (number) => [0x41, ...signed(number)]; // i32.const
const add = [0x6a]; // i32.add
const multiply = [0x6c]; // i32.mul
const lessThan = [0x49]; // i32.lt_u
const zeros = [0xfd, 0x0c, ...new Array(16).fill(0)]; // v128.const
const loadWhole = [0x28, 2, 0]; // i32.load
const load = (offset) => [0xfd, 0x00, 2, offset]; // v128.load: four numbers that follow each other
const loadOne = (offset) => [0xfd, 0x09, 2, offset]; // v128.load32_splat: one number, four times
const store = (offset) => [0xfd, 0x0b, 2, offset]; // v128.store
const addFour = [0xfd, 0xe4, 0x01]; // f32x4.add
const multiplyFour = [0xfd, 0xe6, 0x01]; // f32x4.mul
const repeatWhile = (condition, body) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]; // loop, br_if, end
const advance = (local, ...by) => [...get(local), ...by.flat(), ...add, ...set(local)];
const times = (count, of) => [...Array(count).keys()].flatMap(of);

// Whole numbers in the format's own way: seven bits a byte, the eighth says that more follow.
function signed(number) {
  const bytes = [];
  for (;;) {
    const low = number & 0x7f;
    number >>= 7;
    if ((number === 0 && !(low & 0x40)) || (number === -1 && low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function unsigned(number) {
  return number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...unsigned(number >>> 7)];
}

// --- the kernel

// In memory a lies tile after tile: for each k the TALL numbers that the kernel wants next. Instead of b it is given a
// list of where its rows begin.
function kernelCode() {
  // Where a, the list and out begin, and where the list and out end; how long a row of out is. All in bytes.
  const [a, list, out, listEnd, outEnd, outRow] = [0, 1, 2, 3, 4, 5];
  // How far we are: in a, in the list, in out, and from the left.
  const [aAt, listAt, outAt, column, bAt] = [6, 7, 8, 9, 10];
  const factor = 11;
  const four = (part) => 12 + part; // what was loaded from b
  const PARTS = WIDE / LANES;
  const sum = (row, part) => 12 + PARTS + row * PARTS + part;
  const tile = (of) => times(TALL, (row) => times(PARTS, (part) => of(row, part)));
  const below = (pointer, end) => [...get(pointer), ...get(end), ...lessThan];

  const alongInner = [
    ...get(listAt), ...loadWhole, ...get(column), ...add, ...set(bAt),
    ...times(PARTS, (part) => [...get(bAt), ...load(part * LANES * BYTES), ...set(four(part))]),
    ...times(TALL, (row) => [
      ...get(aAt), ...loadOne(row * BYTES), ...set(factor),
      ...times(PARTS, (part) => [
        ...get(sum(row, part)), ...get(factor), ...get(four(part)), ...multiplyFour, ...addFour, ...set(sum(row, part)),
      ]),
    ]),
    ...advance(aAt, constant(TALL * BYTES)),
    ...advance(listAt, constant(BYTES)),
  ];
  const alongColumns = [
    ...tile((row, part) => [...zeros, ...set(sum(row, part))]),
    ...get(a), ...set(aAt),
    ...get(list), ...set(listAt),
    ...repeatWhile(below(listAt, listEnd), alongInner),
    ...get(out), ...get(column), ...add, ...set(outAt),
    ...times(TALL, (row) => [
      ...times(PARTS, (part) => [...get(outAt), ...get(sum(row, part)), ...store(part * LANES * BYTES)]),
      ...advance(outAt, get(outRow)),
    ]),
    ...advance(column, constant(WIDE * BYTES)),
  ];
  const downRows = [
    ...constant(0), ...set(column),
    ...repeatWhile(below(column, outRow), alongColumns),
    ...get(aAt), ...set(a),
    ...advance(out, get(outRow), constant(TALL), multiply),
  ];
  const locals = [2, ...[5, I32], ...[1 + PARTS + TALL * PARTS, V128]];
  return [...locals, ...repeatWhile(below(out, outEnd), downRows), 0x0b];
}

function kernelModule() {
  const section = (id, ...bytes) => [id, ...unsigned(bytes.length), ...bytes];
  const text = (word) => [word.length, ...Array.from(word, (letter) => letter.charCodeAt(0))];
  const code = kernelCode();
  return new Uint8Array([
    ...[0, ...text("asm").slice(1), 1, 0, 0, 0], // how every module begins
    ...section(1, 1, 0x60, 6, ...new Array(6).fill(I32), 0), // types: one, of six whole numbers and no result
    ...section(3, 1, 0), // functions: one, of that type
    ...section(5, 1, 0, 1), // memories: one, of one page of 64 KB; it grows
    ...section(7, 2, ...text("memory"), 2, 0, ...text("product"), 0, 0), // what is seen from outside
    ...section(10, 1, ...unsigned(code.length), ...code),
  ]);
}

// A product that hands its matrices to the kernel; null where there is no WebAssembly, or none with registers of four.
// What product.keep was given as a stays in the kernel's memory, and is not handed over again.
function wasmProduct() {
  let kernel;
  try {
    kernel = new WebAssembly.Instance(new WebAssembly.Module(kernelModule())).exports;
  } catch {
    return null;
  }
  const PAGE = 65536;
  const kept = new WeakMap(); // where they lie, counted in numbers as everything here
  let free = 0; // where the memory is free
  let numbers = new Float32Array(kernel.memory.buffer);
  const wholeTiles = (count, tile) => Math.ceil(count / tile) * tile;

  function reach(end) {
    const missing = end * BYTES - kernel.memory.buffer.byteLength;
    if (missing <= 0) return;
    kernel.memory.grow(Math.ceil(missing / PAGE));
    numbers = new Float32Array(kernel.memory.buffer);
  }

  // Rows that fill no tile are computed from whatever lies there, and never read.
  function place(a, rows, inner, at) {
    for (let i = 0; i < rows; i++) {
      const from = i * inner;
      const to = at + (i - (i % TALL)) * inner + (i % TALL);
      for (let k = 0; k < inner; k++) numbers[to + k * TALL] = a[from + k];
    }
  }

  function wasm(a, b, starts, rows, columns) {
    const inner = starts.length;
    const [tall, wide] = [wholeTiles(rows, TALL), wholeTiles(columns, WIDE)];
    const outAt = free;
    const bAt = outAt + tall * wide;
    const listAt = bAt + b.length + WIDE; // columns that fill no tile may be looked for beyond the end
    const aAt = kept.get(a) ?? listAt + inner;
    reach(listAt + inner + tall * inner);
    if (!kept.has(a)) place(a, rows, inner, aAt);
    numbers.set(b, bAt);
    new Int32Array(kernel.memory.buffer, listAt * BYTES, inner).set(starts.map((start) => (bAt + start) * BYTES));
    const [listEnd, outEnd] = [listAt + inner, outAt + tall * wide];
    kernel.product(...[aAt, listAt, outAt, listEnd, outEnd, wide].map((place) => place * BYTES));
    const out = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      out.set(numbers.subarray(outAt + i * wide, outAt + i * wide + columns), i * columns);
    }
    return out;
  }

  wasm.keep = (a, rows, inner) => {
    const end = free + wholeTiles(rows, TALL) * inner;
    reach(end);
    place(a, rows, inner, free);
    kept.set(a, free);
    free = end;
  };
  return wasm;
}

let product = wasmProduct() ?? plainProduct;
