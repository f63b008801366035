// Values: how a decoded value is told by the profile: numbers that differ from run to run become
// what they stand for. Knows neither calls nor records; chronicle.h has the forms.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "event/record.h"
#include "sys/decode.h"
#include "trace/descriptors.h"
#include "trace/lineage.h"
#include "trace/names.h"
#include "trace/profile.h"

namespace tc::trace {

// What surrounds a value.
struct Surroundings {
  Thread* thread = nullptr;
  // Of what the call reads from: contents of /proc are state, those of /dev/urandom random.
  Behind read_from = Behind::kOther;
  // Of what a stat structure tells about.
  Behind status_of = Behind::kOther;
  const Description* through = nullptr;  // what a buffer comes from or goes to
  std::string_view directory = {};       // where a relative path begins
  std::int64_t wall_ns = 0;              // since 1970, when the call returned
};

class Values {
 public:
  // `is_bound(port)`: did a program ask for that very port?
  Values(const Profile& profile, PortRange ephemeral,
         const std::set<std::string, std::less<>>& environment, Lineage& lineage, Names& names,
         std::function<bool(std::uint16_t)> is_bound);

  // A new call, or other event, begins.
  void begin();

  // Composed text lives in `record`; the rest is the decoder's.
  event::Value tell(const sys::Value& value, const Surroundings& around, event::Record& record);
  // The entries of a directory, by name.
  event::Value entries(const sys::Value& list, const Surroundings& around, event::Record& record);
  // Of an environment: only the variables that were asked for.
  event::Value environment(const sys::Value& list, const Surroundings& around,
                           event::Record& record);
  event::Value address(std::uint64_t address, Thread& thread, event::Record& record);
  event::Value path(std::string_view path, const Surroundings& around, event::Record& record);
  event::Value pid(std::int64_t pid, Thread& thread, event::Record& record);
  event::Value text(std::string_view text, Thread& thread, event::Record& record);
  // Strings each ended by NUL: an argv.
  event::Value strings(std::string_view joined, Thread& thread, event::Record& record);
  // Of such strings the variables that were asked for, by name.
  event::Value variables(std::string_view joined, Thread& thread, event::Record& record);

 private:
  event::Value scalar(const sys::Value& value, const Surroundings& around, event::Record& record);
  event::Value bytes(const sys::Value& value, std::string_view told, event::Record& record) const;
  event::Value object(const sys::Value& value, const Surroundings& around, event::Record& record);
  event::Value list(const sys::Value& value, const Surroundings& around, event::Record& record);
  std::string_view data(const sys::Value& value, const Surroundings& around);
  event::Value descriptor(std::int64_t number, Thread& thread, event::Record& record);
  event::Value device(const sys::Value& value, Thread& thread, event::Record& record);
  event::Value word(const sys::Value& value, Thread& thread, event::Record& record);
  event::Value formatted(event::Record& record) const { return record.keep(scratch_); }

  Profile profile_;
  PortRange ephemeral_;
  const std::set<std::string, std::less<>>& environment_;
  Lineage& lineage_;
  Names& names_;
  std::function<bool(std::uint16_t)> is_bound_;
  // Objects and lists under construction, one behind the other.
  std::vector<event::Field> fields_;
  std::vector<event::Item> items_;
  std::string scratch_;
  std::string without_time_;
};

}  // namespace tc::trace
