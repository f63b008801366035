// Which container and which systemd unit a process belongs to, from its /proc/PID/cgroup alone.
// No runtime is asked: the answer is the same on a recorded file, and for a process that is gone.
#pragma once

#include <string>
#include <string_view>

namespace tc::proc {

// Empty members are unknown.
struct ContainerIdentity {
  // The path that the decision was made on; without a container the unified hierarchy's path,
  // or where that is "/" the longest path of any hierarchy.
  std::string cgroup;
  // As the runtime names it: 64 lower-case hex digits, or a name (lxc, systemd-nspawn,
  // containerd's own service).
  std::string container_id;
  // "containerd" "cri-o" "docker" "ecs" "lxc" "podman" "systemd-nspawn", or "kubernetes" for a
  // pod's container whose path does not tell the runtime.
  std::string runtime;
  // Of the Kubernetes pod, with dashes.
  std::string pod_uid;
  // The deepest "*.service" or "*.scope" on the path that is not the container itself.
  std::string unit;
};

// `cgroup_text` is the content of /proc/PID/cgroup: lines `ID:CONTROLLERS:PATH` (cgroups(7)), of
// version 1, 2 or both. The deepest container on any line wins; among equally deep ones a known
// runtime over "kubernetes", then the bytewise smallest path: the order of lines never matters.
// Lines that are none are skipped. Read it as the host does: in a private cgroup namespace paths
// are relative to the reader's own.
ContainerIdentity identify_container(std::string_view cgroup_text);

}  // namespace tc::proc
