"""Files as Python's safetensors writes them, and what it thinks of damaged ones. Writes test/fixtures/safetensors/.

(Not named safetensors.py: beside it, `import safetensors` would find itself.)

mixed.safetensors  one tensor of every dtype that torch can save, 0-d, empty, and with awkward names
mixed.json         { name: { dtype, shape, hex } }: the same tensors' bytes, taken from torch
flips.json         { file, accepted }: a small file, and for each byte of its length and header 256 bits (both base64):
                   bit v is set when the crate loads the file with that byte replaced by v
cases.json         [{ name, header, dataBytes, accepted }]: headers by hand
"""

import base64
import json
import pathlib
import struct

import safetensors
import torch
from safetensors.torch import save

out = pathlib.Path(__file__).resolve().parents[2] / "test" / "fixtures" / "safetensors"
out.mkdir(parents=True, exist_ok=True)

torch.manual_seed(0)
names = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8",
    torch.int16: "I16", torch.int32: "I32", torch.int64: "I64", torch.uint8: "U8", torch.uint16: "U16",
    torch.uint32: "U32", torch.uint64: "U64", torch.bool: "BOOL", torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ", torch.float8_e8m0fnu: "F8_E8M0",
}
tensors = {}
for i, (dtype, name) in enumerate(names.items()):
    shape = [(2, 3), (5,), (1, 2, 2)][i % 3]
    bits = torch.randint(0, 256, (*shape, dtype.itemsize), dtype=torch.uint8)
    if dtype == torch.bool:
        bits = bits % 2
    tensors[f"of.{name}"] = bits.view(dtype).reshape(shape)
tensors |= {
    "scalar.f32": torch.tensor(-1.5), "scalar.i64": torch.tensor(2**62 + 1), "empty": torch.zeros(0),
    "empty.bf16": torch.zeros(3, 0, 2, dtype=torch.bfloat16), "10": torch.tensor([1.0]), "9": torch.tensor([2.0]),
    "__proto__": torch.tensor([3.0]), 'quoted "\\\n\u0001\u007f name': torch.tensor([4.0]), "größe/日本 😀": torch.tensor([5.0]),
    "\uffee": torch.tensor([6.0]), "": torch.tensor([7.0]),
}
(out / "mixed.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
described = {
    name: {"dtype": names[t.dtype], "shape": list(t.shape), "hex": bytes(t.contiguous().flatten().view(torch.uint8).tolist()).hex()}
    for name, t in tensors.items()
}
(out / "mixed.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def accepts(data):
    try:
        safetensors.deserialize(bytes(data))
        return True
    except safetensors.SafetensorError:
        return False


small = save({"w": torch.tensor([[1.0, 2.0]]), "bé": torch.tensor([7, 8], dtype=torch.int16), "none": torch.zeros(2, 0)}, {"by": "x"})
header_end = 8 + struct.unpack("<Q", small[:8])[0]
bitmap = bytearray()
for at in range(header_end):
    changed = bytearray(small)
    bits = 0
    for value in range(256):
        changed[at] = value
        bits |= accepts(changed) << value
    bitmap += bits.to_bytes(32, "little")
flips = {"file": base64.b64encode(small).decode(), "accepted": base64.b64encode(bytes(bitmap)).decode()}
(out / "flips.json").write_text(json.dumps(flips, indent=1) + "\n")

u8 = '{"dtype":"U8","shape":[2],"data_offsets":[0,2]}'
cases = {
    "one tensor": f'{{"a":{u8}}}',
    "white space around": f' \n{{"a":{u8}}}\n\t ',
    "a zero byte behind": f'{{"a":{u8}}}\0',
    "a byte order mark": f'\ufeff{{"a":{u8}}}',
    "null metadata": f'{{"__metadata__":null,"a":{u8}}}',
    "empty metadata": f'{{"__metadata__":{{}},"a":{u8}}}',
    "a number as metadata": f'{{"__metadata__":{{"x":1}},"a":{u8}}}',
    "a list as metadata": f'{{"__metadata__":[],"a":{u8}}}',
    "metadata twice": f'{{"__metadata__":{{}},"__metadata__":{{}},"a":{u8}}}',
    "a field twice": '{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
    "an unknown field": '{"a":{"dtype":"U8","x":[{}],"shape":[2],"data_offsets":[0,2]}}',
    "a fraction": '{"a":{"dtype":"U8","shape":[2.5],"data_offsets":[0,2]}}',
    "minus zero": '{"a":{"dtype":"U8","shape":[2],"data_offsets":[-0,2]}}',
    "a negative size": '{"a":{"dtype":"U8","shape":[-2,-1],"data_offsets":[0,2]}}',
    "three offsets": '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,2]}}',
    "a lower-case dtype": '{"a":{"dtype":"u8","shape":[2],"data_offsets":[0,2]}}',
    "a dtype of JavaScript's": '{"a":{"dtype":"toString","shape":[2],"data_offsets":[0,2]}}',
    "no dtype": '{"a":{"shape":[2],"data_offsets":[0,2]}}',
    "a null tensor": '{"a":null}',
    "a hole at the start": '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    "a byte too many": '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "a byte too few": '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}',
    "the same bytes twice": f'{{"a":{u8},"b":{u8}}}',
    "overlapping tensors": '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
    "offsets backwards": '{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}',
    "a wrong size": '{"a":{"dtype":"U16","shape":[2],"data_offsets":[0,2]}}',
    "tensors out of order": '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "an empty tensor first": f'{{"z":{{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]}},"a":{u8}}}',
    "an empty tensor last": f'{{"z":{{"dtype":"F32","shape":[0,5],"data_offsets":[2,2]}},"a":{u8}}}',
    "an empty tensor inside another": f'{{"z":{{"dtype":"F32","shape":[0],"data_offsets":[1,1]}},"a":{u8}}}',
    "sizes that overflow": f'{{"z":{{"dtype":"F32","shape":[{2**62},{2**62},4],"data_offsets":[0,0]}},"a":{u8}}}',
    "offsets that overflow": f'{{"a":{{"dtype":"U8","shape":[2],"data_offsets":[{2**64 - 2},{2**64}]}}}}',
    "four bits in whole bytes": '{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}',
    "four bits in half a byte": '{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}',
    "half a surrogate pair": f'{{"\\ud800":{u8}}}',
    "a whole surrogate pair": f'{{"\\ud83d\\ude00":{u8}}}',
    "a raw control character": f'{{"a\x01":{u8}}}',
    "__proto__": f'{{"__proto__":{u8}}}',
    "an empty name": f'{{"":{u8}}}',
    "a list": "[]",
    "a number": "1",
    "nothing": "",
}
rows = []
for name, header in cases.items():
    data = struct.pack("<Q", len(header.encode())) + header.encode() + b"ab"
    rows.append({"name": name, "header": header, "dataBytes": 2, "accepted": accepts(data)})
(out / "cases.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
print(safetensors.__version__, "accepted", sum(row["accepted"] for row in rows), "of", len(rows))
