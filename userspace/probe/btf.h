// The owner of type information that libbpf has read.
#pragma once

#include <bpf/btf.h>

#include <memory>

namespace tc::probe {

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using OwnedBtf = std::unique_ptr<btf, BtfDeleter>;

}  // namespace tc::probe
