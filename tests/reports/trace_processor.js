// Perfetto's own trace processor on a file: node trace_processor.js FOLDER_OF_ENGINE_BUNDLE TRACE SQL...
// Prints a JSON list with the rows of each query, a row as a list.
//
// engine_bundle.js is a web worker that speaks trace_processor.proto (field numbers below) over a port; here it gets
// what it needs of a worker: a location, a synchronous XMLHttpRequest for its WebAssembly file, and a port.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [folder, traceFile, ...queries] = process.argv.slice(2);
const node = process;
const replies = [];
const port = { postMessage: (bytes) => replies.push(Buffer.from(bytes)) };
let sequence = 0;

class LocalRequest {
  open(method, url) { this.file = path.join(folder, path.basename(url)); }
  send() {
    const bytes = fs.readFileSync(this.file);
    this.response = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    this.status = 200;
  }
}

function startWorker() {
  const location = { href: `file://${folder}/engine_bundle.js` };
  Object.assign(globalThis, { self: globalThis, location, WorkerGlobalScope() {}, importScripts() {} });
  globalThis.XMLHttpRequest = LocalRequest;
  console.warn = () => {};
  console.log = () => {};
  Object.defineProperty(globalThis, "process", { value: undefined, configurable: true, writable: true });
  vm.runInThisContext(fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8"));
  Object.defineProperty(globalThis, "process", { value: node, configurable: true, writable: true });
}

function varint(number) {
  const bytes = [];
  for (let rest = number; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, value) => Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);

function readVarint(buffer, at) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = BigInt(buffer[at++]);
    value |= (byte & 127n) << shift;
    if (byte < 128n) return [BigInt.asIntN(64, value), at];
  }
}
function* fields(buffer) {
  for (let at = 0, tag, value; at < buffer.length; ) {
    [tag, at] = readVarint(buffer, at);
    [value, at] = readVarint(buffer, at);
    if (Number(tag) & 7) yield [Number(tag) >> 3, buffer.subarray(at, (at += Number(value)))];
    else yield [Number(tag) >> 3, value];
  }
}
function packed(buffer) {
  const found = [];
  for (let at = 0, value; at < buffer.length; found.push(Number(value))) [value, at] = readVarint(buffer, at);
  return found;
}

// TraceProcessorRpc: seq = 1, request = 2; methods: append = 1, finalise = 2, query = 3.
function call(method, ...content) {
  replies.length = 0;
  const message = Buffer.concat([number(1, ++sequence), number(2, method), ...content]);
  port.onmessage({ data: new Uint8Array(bytes(1, message)) });
  return replies.flatMap((reply) => [...fields(reply)]).flatMap(([, message]) => [...fields(message)]);
}

// query_args = 103 {sql = 1}; query_result = 203 {column_names = 1, error = 2, batch = 3}; a batch has cells = 1 (kinds),
// varints = 2, floats = 3, strings = 5.
function query(sql) {
  const parts = call(3, bytes(103, bytes(1, Buffer.from(sql)))).filter(([field]) => field === 203);
  const result = parts.flatMap(([, part]) => [...fields(part)]);
  const error = result.find(([field]) => field === 2);
  if (error) throw new Error(`${sql}: ${error[1]}`);
  const columns = result.filter(([field]) => field === 1).length;
  const values = result.filter(([field]) => field === 3).flatMap(([, batch]) => cells([...fields(batch)]));
  return Array.from({ length: values.length / columns }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}
function cells(batch) {
  const of = (field) => batch.filter(([found]) => found === field).map(([, content]) => content);
  const integers = of(2).flatMap(packed);
  const floats = of(3).flatMap((each) => Array.from({ length: each.length / 8 }, (_, i) => each.readDoubleLE(8 * i)));
  const strings = of(5).flatMap((each) => each.toString().split("\0"));
  const next = { 1: () => null, 2: () => integers.shift(), 3: () => floats.shift(), 4: () => strings.shift() };
  return of(1).flatMap(packed).map((kind) => next[kind]());
}

startWorker();
setTimeout(() => {
  globalThis.onmessage({ data: port });
  call(1, bytes(101, fs.readFileSync(traceFile)));
  call(2);
  node.stdout.write(JSON.stringify(queries.map(query)));
}, 200);
