// Reads recorded symbols (fixtures/ebpf/elf/*-symbols.json) into an Image, in place of an ELF file:
//
//   {"path": "/usr/bin/app", "format": "ELF64", "buildId": "c0ffee",
//    "symbols": [{"name": "main", "address": "0x1000", "size": 256, "type": "FUNC"}],
//    "segments": [{"address": "0x1000", "offset": "0x0", "size": "0x2000"}]}
//
// path, format (ELF32 or ELF64) and symbols are required. Words are "0x…" strings or integers.
// `type` is FUNC, IFUNC, NOTYPE or, ignored, anything else; `binding` (optional) GLOBAL, WEAK or
// LOCAL. Without segments the file offset of every byte is its address. Other members are ignored.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "symbol/image.h"

namespace tc::symbol {

struct ImageFixture {
  std::string path;  // the path that mappings name the image by
  std::shared_ptr<const Image> image;
};

// `name` is the file's, for messages: `NAME: error: [symbols] /symbols/3/address: expected …` with
// the JSON pointer (RFC 6901) of the member at fault; syntax errors are those of json/document.h.
Result<ImageFixture> parse_image_fixture(std::string_view text, const std::string& name);

}  // namespace tc::symbol
