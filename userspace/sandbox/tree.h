// Trees of files as text, to compare what runs have written.
#pragma once

#include <string>

#include "base/result.h"

namespace tc::sandbox {

// A line for everything below the directory that `directory` is open on, in order of the bytes of
// the names:
//
//   file 0644 0:0 12 sha256:f4…5 /tmp/a
//   directory 0755 0:0 /tmp/b
//   link 0:0 target /tmp/c
//   deleted /etc/d                     a file that the layer took away (character device 0:0)
//
//   replaced-directory 0755 0:0 /etc/e one in whose place the layer has another
//   special 010644 0:0 0:0 /tmp/fifo
//
// Names stand behind `path`; blanks and control characters in them are written \ooo. A file of
// several names is told by each. No times, no inode numbers: they are the host's.
Result<std::string> describe_tree(int directory, const std::string& path);

}  // namespace tc::sandbox
