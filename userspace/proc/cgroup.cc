#include "proc/cgroup.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "base/number.h"

namespace tc::proc {
namespace {

using Components = std::vector<std::string_view>;

constexpr std::string_view kKubernetes = "kubernetes";

// A container found on one path: `depth` is how many components lead to it, itself included.
struct Found {
  std::string id;
  std::string_view runtime;
  std::size_t depth = 0;
  std::string_view path;
};

// How runtimes spell their component, with or without ".scope": PREFIX-ID, or under a parent
// that the slice was not created for, SLICE:PREFIX:ID.
struct RuntimePrefix {
  std::string_view prefix;
  std::string_view runtime;
};
constexpr std::array kPrefixes = {
    RuntimePrefix{"docker", "docker"},      RuntimePrefix{"cri-containerd", "containerd"},
    RuntimePrefix{"nerdctl", "containerd"}, RuntimePrefix{"crio", "cri-o"},
    RuntimePrefix{"libpod", "podman"},
};

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_hex_id(std::string_view text) { return text.size() == 64 && is_hex(text); }

bool without_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool without_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_unit(std::string_view component) {
  return component.ends_with(".service") || component.ends_with(".scope");
}

Components split_path(std::string_view path) {
  Components components;
  while (!path.empty()) {
    const std::size_t length = std::min(path.find('/'), path.size());
    if (length > 0) components.push_back(path.substr(0, length));
    path.remove_prefix(std::min(length + 1, path.size()));
  }
  return components;
}

// systemd.unit(5): unit names carry other bytes as \xHH.
std::string unescape_unit(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text.size() >= 4 && text.starts_with("\\x")) {
      if (const auto byte = base::parse_unsigned<unsigned char>(text.substr(2, 2), 16)) {
        plain.push_back(static_cast<char>(*byte));
        text.remove_prefix(4);
        continue;
      }
    }
    plain.push_back(text.front());
    text.remove_prefix(1);
  }
  return plain;
}

// The uid in "kubepods-burstable-podUID.slice" (systemd driver; dashes written as _) or "podUID"
// (cgroupfs driver). Static pods have 32 hex digits and no dashes.
std::string pod_uid_of(std::string_view component) {
  component = component.substr(0, component.find(':'));
  without_suffix(component, ".slice");
  const std::size_t at = component.rfind("pod");
  if (at == std::string_view::npos || (at > 0 && component[at - 1] != '-')) return {};
  std::string uid(component.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  std::string digits = uid;
  std::erase(digits, '-');
  const bool is_uuid = uid.size() == 36 && std::count(uid.begin(), uid.end(), '-') == 4;
  return digits.size() == 32 && is_hex(digits) && (is_uuid || uid.size() == 32) ? uid
                                                                                : std::string();
}

bool is_kubernetes(const Components& components) {
  return std::any_of(components.begin(), components.end(), [](std::string_view component) {
    return component.find("kubepods") != std::string_view::npos;
  });
}

// /ecs/TASK/ID: an ID of 32 hex digits, a dash and decimal digits, or of 64 hex digits.
bool is_ecs(const Components& components, std::size_t index) {
  const auto end = components.begin() + static_cast<std::ptrdiff_t>(index);
  const auto ecs = std::find(components.begin(), end, "ecs");
  if (end - ecs < 2) return false;
  const std::string_view id = components[index];
  if (is_hex_id(id)) return true;
  return id.size() > 33 && is_hex(id.substr(0, 32)) && id[32] == '-' &&
         id.find_first_not_of("0123456789", 33) == std::string_view::npos;
}

// The identifier that containerd accepts from a client without Kubernetes or Docker, as long as
// it is no word of cgroup housekeeping ("init", "supervisor").
bool is_containerd_name(std::string_view text) {
  constexpr std::string_view kAllowed =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
  return text.size() >= 12 && text.size() <= 64 && !text.ends_with(".slice") && !is_unit(text) &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::optional<Found> match_prefix(std::string_view component) {
  without_suffix(component, ".scope");
  char separator = '-';
  if (const std::size_t colon = component.find(':'); colon != std::string_view::npos) {
    component.remove_prefix(colon + 1);
    separator = ':';
  }
  for (const auto& [prefix, runtime] : kPrefixes) {
    std::string_view id = component;
    // "crio-conmon-ID" and "libpod-conmon-ID" hold the monitor: no id, hence no match.
    if (without_prefix(id, prefix) && id.starts_with(separator) && is_hex_id(id.substr(1))) {
      return Found{.id = std::string(id.substr(1)), .runtime = runtime, .path = {}};
    }
  }
  return std::nullopt;
}

// Containers whose component is the bare id and whose parent tells the runtime.
std::optional<Found> match_parent(const Components& components, std::size_t index) {
  const std::string_view id = components[index];
  if (is_ecs(components, index)) return Found{.id = std::string(id), .runtime = "ecs", .path = {}};
  if (index == 0) return std::nullopt;
  const std::string_view parent = components[index - 1];
  std::string_view runtime;
  if (parent == "containerd.service") {
    if (is_containerd_name(id)) runtime = "containerd";
  } else if (!is_hex_id(id)) {
    return std::nullopt;
  } else if (parent == "docker" || (parent == "moby" && index == 1)) {
    runtime = "docker";
  } else if (parent == "crio") {
    runtime = "cri-o";
  } else if (parent == "libpod_parent") {
    runtime = "podman";
  } else if ((parent == "default" || parent == "k8s.io") && index == 1) {
    // A namespace of containerd; deeper in a tree these are anybody's words.
    runtime = "containerd";
  } else if (is_kubernetes(components) && !pod_uid_of(parent).empty()) {
    runtime = kKubernetes;
  }
  if (runtime.empty()) return std::nullopt;
  return Found{.id = std::string(id), .runtime = runtime, .path = {}};
}

// System containers, which have names instead of ids.
std::optional<Found> match_machine(const Components& components, std::size_t index) {
  const std::string_view parent = index > 0 ? components[index - 1] : std::string_view();
  std::string_view name = components[index];
  if (parent == "lxc" || parent == "lxc.payload" ||
      (without_prefix(name, "lxc.payload.") && !name.empty())) {
    return Found{.id = std::string(name), .runtime = "lxc", .path = {}};
  }
  const bool is_service =
      without_prefix(name, "systemd-nspawn@") && without_suffix(name, ".service");
  // machined also registers virtual machines; libvirt names those machine-qemu\x2d….scope.
  const bool is_scope = parent == "machine.slice" && without_prefix(name, "machine-") &&
                        without_suffix(name, ".scope") && !name.starts_with("qemu\\x2d");
  if ((!is_service && !is_scope) || name.empty()) return std::nullopt;
  return Found{.id = unescape_unit(name), .runtime = "systemd-nspawn", .path = {}};
}

std::optional<Found> deepest_container(std::string_view path) {
  const Components components = split_path(path);
  for (std::size_t index = components.size(); index-- > 0;) {
    std::optional<Found> found = match_prefix(components[index]);
    if (!found) found = match_parent(components, index);
    if (!found) found = match_machine(components, index);
    if (!found) continue;
    found->depth = index + 1;
    found->path = path;
    return found;
  }
  return std::nullopt;
}

bool is_better(const Found& a, const Found& b) {
  const auto rank = [](const Found& found) {
    return std::tuple(-static_cast<std::ptrdiff_t>(found.depth), found.runtime == kKubernetes,
                      found.path);
  };
  return rank(a) < rank(b);
}

// The path of one line, with whether it is the unified hierarchy's; nothing when it is no line.
struct Line {
  std::string_view path;
  bool is_unified = false;
};

std::optional<Line> parse_line(std::string_view text) {
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos || !base::parse_unsigned(text.substr(0, first))) {
    return std::nullopt;
  }
  const std::size_t second = text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::string_view path = text.substr(second + 1);
  if (!path.starts_with('/')) return std::nullopt;
  without_suffix(path, " (deleted)");  // the group was removed under its last process
  return Line{.path = path, .is_unified = text.starts_with("0::")};
}

std::vector<Line> parse_lines(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    if (const auto line = parse_line(text.substr(0, length))) lines.push_back(*line);
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines;
}

std::string_view path_without_container(const std::vector<Line>& lines) {
  std::string_view longest;
  for (const Line& line : lines) {
    if (line.is_unified && line.path != "/") return line.path;
    if (line.path.size() > longest.size() ||
        (line.path.size() == longest.size() && line.path < longest)) {
      longest = line.path;
    }
  }
  return longest;
}

}  // namespace

ContainerIdentity identify_container(std::string_view cgroup_text) {
  const std::vector<Line> lines = parse_lines(cgroup_text);
  std::optional<Found> best;
  for (const Line& line : lines) {
    std::optional<Found> found = deepest_container(line.path);
    if (found && (!best || is_better(*found, *best))) best = std::move(found);
  }

  ContainerIdentity identity;
  const std::string_view path = best ? best->path : path_without_container(lines);
  identity.cgroup = path;
  if (best) {
    identity.container_id = best->id;
    identity.runtime = best->runtime;
  }
  const Components components = split_path(path);
  const bool in_kubernetes = is_kubernetes(components);
  for (std::size_t index = 0; index < components.size(); ++index) {
    const bool is_container = best && index + 1 == best->depth;
    if (is_unit(components[index]) && !is_container) identity.unit = components[index];
    if (!in_kubernetes) continue;
    if (std::string uid = pod_uid_of(components[index]); !uid.empty()) identity.pod_uid = uid;
  }
  return identity;
}

}  // namespace tc::proc
