#include "proc/cgroup.h"

#include <gtest/gtest.h>

namespace tc::proc {
namespace {

// 64, and other 64, lower-case hex digits.
const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kInner = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kUid = "a1b2c3d4-0000-4111-8222-333344445555";
const std::string kUidUnderscored = "a1b2c3d4_0000_4111_8222_333344445555";

ContainerIdentity unified(const std::string& path) { return identify_container("0::" + path); }

// "RUNTIME ID" of the container in the unified hierarchy at `path`, or "none".
std::string container_at(const std::string& path) {
  const ContainerIdentity identity = unified(path);
  return identity.runtime.empty() ? "none" : identity.runtime + " " + identity.container_id;
}

TEST(Cgroup, FindsDocker) {
  EXPECT_EQ(container_at("/docker/" + kId), "docker " + kId);
  EXPECT_EQ(container_at("/system.slice/docker-" + kId + ".scope\n"), "docker " + kId);
  EXPECT_EQ(container_at("/moby/" + kId), "docker " + kId);
  EXPECT_EQ(container_at("/docker/" + kId.substr(1)), "none");
  EXPECT_EQ(container_at("/docker/F" + kId.substr(1)), "none");
}

TEST(Cgroup, FindsContainerd) {
  EXPECT_EQ(container_at("/system.slice/nerdctl-" + kId + ".scope"), "containerd " + kId);
  EXPECT_EQ(container_at("/default/" + kId), "containerd " + kId);
  EXPECT_EQ(container_at("/k8s.io/" + kId), "containerd " + kId);
  EXPECT_EQ(container_at("/elsewhere/default/" + kId), "none");
  EXPECT_EQ(container_at("/system.slice/x.slice:cri-containerd:" + kId), "containerd " + kId);
}

TEST(Cgroup, FindsTheFreeNamesUnderContainerdService) {
  const auto identity = unified("/system.slice/containerd.service/container-id");
  EXPECT_EQ(identity.runtime, "containerd");
  EXPECT_EQ(identity.container_id, "container-id");
  EXPECT_EQ(identity.unit, "containerd.service");
  EXPECT_EQ(container_at("/system.slice/containerd.service/init"), "none");
  EXPECT_EQ(container_at("/system.slice/containerd.service"), "none");
}

TEST(Cgroup, FindsKubernetesPodsOfTheSystemdDriver) {
  const auto identity = unified("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" +
                                kUidUnderscored + ".slice/cri-containerd-" + kId + ".scope");
  EXPECT_EQ(identity.runtime, "containerd");
  EXPECT_EQ(identity.container_id, kId);
  EXPECT_EQ(identity.pod_uid, kUid);
  EXPECT_EQ(identity.unit, "");
}

TEST(Cgroup, FindsKubernetesPodsOfTheCgroupfsDriver) {
  const auto identity = unified("/kubepods/burstable/pod" + kUid + "/" + kId);
  EXPECT_EQ(identity.runtime, "kubernetes");
  EXPECT_EQ(identity.container_id, kId);
  EXPECT_EQ(identity.pod_uid, kUid);
  EXPECT_EQ(unified("/kubepods/pod0123456789abcdef0123456789abcdef/" + kId).pod_uid,
            "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(container_at("/kubepods/burstable/podxyz/" + kId), "none");
}

TEST(Cgroup, FindsThePodInASliceWithColons) {
  const auto identity = unified("/system.slice/containerd.service/kubepods-besteffort-pod" +
                                kUidUnderscored + ".slice:cri-containerd:" + kId);
  EXPECT_EQ(identity.runtime, "containerd");
  EXPECT_EQ(identity.pod_uid, kUid);
}

TEST(Cgroup, FindsCriOButNotItsMonitor) {
  EXPECT_EQ(container_at("/kubepods.slice/crio-" + kId + ".scope"), "cri-o " + kId);
  EXPECT_EQ(container_at("/kubepods/pod" + kUid + "/crio-" + kId), "cri-o " + kId);
  EXPECT_EQ(container_at("/crio/" + kId), "cri-o " + kId);
  EXPECT_EQ(container_at("/kubepods.slice/crio-conmon-" + kId + ".scope"), "none");
}

TEST(Cgroup, FindsPodmanButNotItsMonitor) {
  EXPECT_EQ(container_at("/machine.slice/libpod-" + kId + ".scope/container"), "podman " + kId);
  EXPECT_EQ(container_at("/libpod_parent/libpod-" + kId), "podman " + kId);
  EXPECT_EQ(container_at("/machine.slice/libpod-conmon-" + kId + ".scope"), "none");
  EXPECT_EQ(unified("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId +
                    ".scope/container")
                .unit,
            "user@1000.service");
}

TEST(Cgroup, FindsEcsTasks) {
  const std::string task = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(container_at("/ecs/" + task + "/" + task + "-1234567890"),
            "ecs " + task + "-1234567890");
  EXPECT_EQ(container_at("/ecs/cluster/" + task + "/" + kId), "ecs " + kId);
  EXPECT_EQ(container_at("/ecs/" + task), "none");
  EXPECT_EQ(container_at("/ecs/" + task + "/" + task + "-12x"), "none");
}

TEST(Cgroup, FindsSystemContainers) {
  EXPECT_EQ(container_at("/lxc/web"), "lxc web");
  EXPECT_EQ(container_at("/lxc.payload.web/init.scope"), "lxc web");
  EXPECT_EQ(unified("/lxc.payload.web/system.slice/ssh.service").unit, "ssh.service");
  EXPECT_EQ(container_at("/lxc.monitor.web"), "none");
  EXPECT_EQ(container_at("/machine.slice/machine-my\\x2dbox.scope/payload"),
            "systemd-nspawn my-box");
  EXPECT_EQ(container_at("/machine.slice/systemd-nspawn@box.service/payload"),
            "systemd-nspawn box");
  EXPECT_EQ(container_at("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope"), "none");
}

TEST(Cgroup, TakesTheDeepestContainer) {
  const auto identity = unified("/docker/" + kId + "/docker/" + kInner);
  EXPECT_EQ(identity.container_id, kInner);
  EXPECT_EQ(container_at("/system.slice/docker-" + kId + ".scope/init"), "docker " + kId);
}

TEST(Cgroup, AnyHierarchyMayDecide) {
  const auto identity =
      identify_container("12:cpuset:/\n1:name=systemd:/docker/" + kId + "\n0::/system.slice\n");
  EXPECT_EQ(identity.container_id, kId);
  EXPECT_EQ(identity.cgroup, "/docker/" + kId);
}

TEST(Cgroup, DoesNotDependOnTheOrderOfLines) {
  const std::string a = "2:memory:/docker/" + kId + "\n";
  const std::string b = "1:cpu:/docker/" + kInner + "\n";
  EXPECT_EQ(identify_container(a + b).container_id, kId);
  EXPECT_EQ(identify_container(b + a).container_id, kId);
}

TEST(Cgroup, PrefersAKnownRuntimeAtEqualDepth) {
  const std::string generic = "2:memory:/a/kubepods/pod" + kUid + "/" + kId + "\n";
  const std::string known = "1:cpu:/z/kubepods/pod" + kUid + "/crio-" + kId + "\n";
  EXPECT_EQ(identify_container(generic + known).runtime, "cri-o");
}

TEST(Cgroup, WithoutContainerTakesTheUnifiedPath) {
  const auto identity = identify_container("4:memory:/longer/than/that\n0::/a.slice/b.service\n");
  EXPECT_EQ(identity.cgroup, "/a.slice/b.service");
  EXPECT_EQ(identity.unit, "b.service");
  EXPECT_EQ(identity.runtime, "");
}

TEST(Cgroup, WithoutUnifiedPathTakesTheLongest) {
  EXPECT_EQ(identify_container("4:memory:/process_api/x\n3:cpu:/a\n0::/\n").cgroup,
            "/process_api/x");
  EXPECT_EQ(identify_container("4:memory:/\n0::/\n").cgroup, "/");
}

TEST(Cgroup, SkipsWhatIsNoLine) {
  EXPECT_EQ(identify_container("").cgroup, "");
  EXPECT_EQ(identify_container("nonsense\n::\n0::relative\nx:y:/docker/" + kId).cgroup, "");
  EXPECT_EQ(container_at("/docker/" + kId + " (deleted)"), "docker " + kId);
}

}  // namespace
}  // namespace tc::proc
