// Format: records to bytes, one implementation a file, all listed in formats.cc. Knows nothing of
// files; what stands around the records of a canonical stream is stream.h's business.
#pragma once

#include <string>

#include "event/record.h"

namespace tc::output {

class Format {
 public:
  virtual ~Format() = default;

  // Appends the record, ending in a line feed.
  virtual void append(const event::Record& record, std::string& out) = 0;

  // Do stream_start and stream_end belong around the records? They do where programs read them.
  virtual bool has_frame() const = 0;
};

}  // namespace tc::output
