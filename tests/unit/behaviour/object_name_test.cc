#include "behaviour/object_name.h"

#include <gtest/gtest.h>

namespace {

using namespace tc::behaviour;

TEST(ObjectName, DropsWhatTellsInstancesOfOneRunApart) {
  EXPECT_EQ(object_name("/tmp/sort-tmp#3.txt", "p1"), "/tmp/sort-tmp#N.txt");
  EXPECT_EQ(object_name("/tmp/tmp#2.1", "p1"), "/tmp/tmp#N");
  EXPECT_EQ(object_name("/run/x.$PID(p1.2).lock", "p1"), "/run/x.$PID.lock");
  EXPECT_EQ(object_name("outside#4", "p1"), "outside");
  EXPECT_EQ(object_name("/srv/file#1", "p1"), "/srv/file#1");
}

TEST(ObjectName, TellsOneselfFromOthersBelowProc) {
  EXPECT_EQ(object_name("/proc/p1.2/stat", "p1.2"), "/proc/self/stat");
  EXPECT_EQ(object_name("/proc/p1.2/stat", "p1"), "/proc/PID/stat");
  EXPECT_EQ(object_name("/proc/4711/environ", "p1"), "/proc/PID/environ");
  EXPECT_EQ(object_name("/proc/cpuinfo", "p1"), "/proc/cpuinfo");
}

TEST(ObjectName, TellsDescriptorsWithoutTheirNumber) {
  EXPECT_EQ(descriptor_name("/etc/passwd#2", "p1"), "/etc/passwd");
  EXPECT_EQ(descriptor_name("/tmp/tmp#2", "p1"), "/tmp/tmp#N");
  EXPECT_EQ(descriptor_name("pipe#1:r", "p1"), "pipe");
  EXPECT_EQ(descriptor_name("stdout", "p1"), "stdout");
}

TEST(PathClass, KnowsWhatTheLibraryReadsForItself) {
  for (const char* path :
       {"/etc/ld.so.cache", "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/locale/locale-archive",
        "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache", "/etc/nsswitch.conf",
        "/usr/lib/python3.11/json/__init__.py"})
    EXPECT_EQ(class_of_path(path), PathClass::kRuntime) << path;
  for (const char* path :
       {"/tmp/libc.so.6", "/home/me/evil.so", "/etc/passwd", "/usr/lib/os-release",
        "/usr/lib/python3/dist-packages/yaml/__init__.py", "$CWD/lib/python3.11/os.py"})
    EXPECT_EQ(class_of_path(path), PathClass::kPlain) << path;
  EXPECT_EQ(class_of_path("/dev/null"), PathClass::kNothing);
}

TEST(Risk, FollowsFromTheObject) {
  EXPECT_EQ(risk_of(Kind::kFileRead, "/etc/hostname"), Risk::kLow);
  EXPECT_EQ(risk_of(Kind::kFileRead, "/root/.ssh/id_rsa"), Risk::kHigh);
  EXPECT_EQ(risk_of(Kind::kFileWrite, "/etc/cron.d/x"), Risk::kHigh);
  EXPECT_EQ(risk_of(Kind::kFileWrite, "$CWD/out"), Risk::kLow);
  EXPECT_EQ(risk_of(Kind::kFileMode, "04755 $CWD/x"), Risk::kHigh);
  EXPECT_EQ(risk_of(Kind::kFileMode, "0755 /srv/x"), Risk::kMedium);
  EXPECT_EQ(risk_of(Kind::kConnect, "inet 203.0.113.7:443 tcp"), Risk::kHigh);
  EXPECT_EQ(risk_of(Kind::kConnect, "inet 127.0.0.1:80 tcp"), Risk::kMedium);
  EXPECT_EQ(risk_of(Kind::kExec, "/usr/bin/id"), Risk::kMedium);
  EXPECT_EQ(risk_of(Kind::kExec, "/usr/bin/curl"), Risk::kHigh);
  EXPECT_EQ(risk_of(Kind::kExec, "/tmp/x"), Risk::kHigh);
}

}  // namespace
