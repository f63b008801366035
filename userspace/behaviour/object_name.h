// What a fact calls the things of a log: without the numbers that tell the instances of one run
// apart. And what kind of a file a path is. Judged by name only.
#pragma once

#include <string>
#include <string_view>

#include "behaviour/fact.h"

namespace tc::behaviour {

// "/tmp/tmp#3" → "/tmp/tmp#N"; "/proc/p1.2/stat" → "/proc/self/stat" within process p1.2, else
// "/proc/PID/stat"; "$PID(p1.2)" → "$PID"; "outside#2" → "outside".
std::string object_name(std::string_view logged, std::string_view process);

// The same of what a descriptor is told by: "/etc/passwd#2" → "/etc/passwd", "pipe#1:r" → "pipe".
std::string descriptor_name(std::string_view logged, std::string_view process);

enum class PathClass {
  kPlain,
  kRuntime,  // what the C library or an interpreter reads for itself: loader, locale, names of
             // hosts and services, its own modules
  kNothing,  // /dev/null and its like
};
PathClass class_of_path(std::string_view path);

// The risk of a fact by its kind and object: credentials, places where programs are installed or
// started from, loopback, set-user-id bits…
Risk risk_of(Kind kind, std::string_view object);

}  // namespace tc::behaviour
