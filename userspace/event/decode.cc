#include "event/decode.h"

#include <fmt/format.h>

#include <cstring>

#include "event/names.h"

namespace tc::event {
namespace {

constexpr std::uint32_t kUnknownUid = 0xffffffff;

// One function a field type: how it becomes values of the record.
class FieldWriter {
 public:
  FieldWriter(const WireRecord& in, AddressNamer& namer, Record& out)
      : in_(in), namer_(namer), out_(out) {}

  void operator()(std::string_view key, tc_u32 field) { out_.add(key, std::uint64_t{field}); }
  void operator()(std::string_view key, tc_u64 field) { out_.add(key, std::uint64_t{field}); }
  void operator()(std::string_view key, tc_i32 field) { out_.add(key, std::int64_t{field}); }
  void operator()(std::string_view key, tc_result field) { out_.add(key, field.value); }
  void operator()(std::string_view key, tc_count field) { unless_zero(key, field.value); }
  void operator()(std::string_view key, tc_flag field) { unless_zero(key, field.value); }
  void operator()(std::string_view key, tc_pid field) { unless_zero(key, field.value); }
  void operator()(std::string_view key, tc_nanoseconds field) { unless_zero(key, field.value); }
  void operator()(std::string_view key, tc_namespace field) { unless_zero(key, field.value); }
  void operator()(std::string_view key, tc_word field) { out_.add(key, Word{field.value}); }
  void operator()(std::string_view, tc_probe_id) {}

  void operator()(std::string_view key, tc_port field) {
    if (is_internet()) out_.add(key, std::uint64_t{field.value});
  }
  void operator()(std::string_view key, const tc_address& field) {
    // An IPv4 record whose address was never filled in holds zeroes, which would read "::".
    const bool is_known = family() == TC_FAMILY_inet6 || is_mapped_ipv4(field);
    if (is_internet() && is_known) out_.add(key, out_.keep(address_text(field)));
  }
  void operator()(std::string_view key, tc_device field) {
    out_.add(key, out_.keep(fmt::format("{}:{}", field.value >> 20U, field.value & 0xfffffU)));
  }
  void operator()(std::string_view key, tc_open_flags field) {
    out_.add(key, out_.keep(open_flags_text(field.value)));
  }
  void operator()(std::string_view key, tc_file_mode field) {
    if (field.value != TC_MODE_NONE) out_.add(key, out_.keep(fmt::format("{:04o}", field.value)));
  }
  void operator()(std::string_view key, tc_exit_code field) {
    if (field.value >= 0) out_.add(key, static_cast<std::uint64_t>(field.value));
  }
  void operator()(std::string_view key, tc_signal field) {
    if (field.value != 0) out_.add(key, out_.keep(signal_text(field.value)));
  }

  template <Enumerated T>
  void operator()(std::string_view key, T field) {
    // A number the table does not have stays readable as itself; 0 stands for "not known".
    if (field.value == 0) return;
    const auto name = name_of(names_of(field), field.value);
    out_.add(key, name ? *name : out_.keep(fmt::format("{}", field.value)));
  }

  void operator()(std::string_view key, tc_path field) {
    if (field.offset != 0) out_.add(key, Bytes{in_.text(field)});
  }
  void operator()(std::string_view key, tc_data field) {
    if (field.offset != 0) out_.add(key, Bytes{in_.text(field)});
  }
  void operator()(std::string_view key, tc_argv field) {
    if (field.offset != 0) out_.add(key, ByteList{in_.text(field)});
  }
  void operator()(std::string_view key, tc_stack field) {
    const std::string_view bytes = in_.text(field);
    const std::span<Frame> frames = out_.keep_frames(bytes.size() / sizeof(tc_u64));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      tc_u64 address = 0;
      std::memcpy(&address, bytes.data() + i * sizeof(address), sizeof(address));
      frames[i] = namer_.name_return(in_.header().pid, address);
    }
    if (!frames.empty()) out_.add(key, std::span<const Frame>(frames));
  }
  void operator()(std::string_view key, tc_code_address field) {
    if (field.value != 0) out_.add(key, namer_.name_return(in_.header().pid, field.value));
  }
  void operator()(std::string_view key, tc_called field) {
    const tc_symbol_call& call = in_.as<tc_symbol_call>();
    const Frame frame = namer_.name_called(in_.header().pid, field.value, call.probe.value);
    if (!frame.in_module && frame.symbol.empty()) {
      out_.add(key, Word{frame.address});
      return;
    }
    if (!frame.build_id.empty()) out_.add("build_id", frame.build_id);
    if (!frame.module.empty()) out_.add("module", Bytes{frame.module});
    if (frame.in_module) out_.add("offset", Word{frame.offset});
    if (!frame.symbol.empty()) out_.add("symbol", Bytes{frame.symbol});
  }

 private:
  void unless_zero(std::string_view key, std::uint64_t value) {
    if (value != 0) out_.add(key, value);
  }
  tc_u32 family() const {
    if (in_.type() == TC_EVENT_tcp_state) return in_.as<tc_tcp_state>().family.value;
    if (in_.type() == TC_EVENT_network_op) return in_.as<tc_network_op>().family.value;
    return 0;
  }
  bool is_internet() const { return family() == TC_FAMILY_inet || family() == TC_FAMILY_inet6; }

  const WireRecord& in_;
  AddressNamer& namer_;
  Record& out_;
};

void add_common(const tc_header& header, Record& out) {
  out.add("time_ns", std::uint64_t{header.time_ns});
  if (header.pid == 0) return;
  const std::string_view comm(header.comm, strnlen(header.comm, sizeof(header.comm)));
  out.add("comm", Bytes{comm});
  out.add("pid", std::uint64_t{header.pid});
  out.add("tid", std::uint64_t{header.tid});
  if (header.ppid != 0) out.add("ppid", std::uint64_t{header.ppid});
  if (header.uid != kUnknownUid) out.add("uid", std::uint64_t{header.uid});
}

}  // namespace

void decode(const WireRecord& in, AddressNamer& namer, Record& out) {
  out.start(event_name(in.type()));
  add_common(in.header(), out);
  with_event_struct(
      in.type(), [&]<class Event>() { visit_fields(in.as<Event>(), FieldWriter(in, namer, out)); });
}

}  // namespace tc::event
