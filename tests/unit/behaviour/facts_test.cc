#include "behaviour/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log_builder.h"

namespace {

using namespace tc::behaviour;
using namespace tc::test;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

std::vector<std::string> facts_of(std::vector<std::string> records) {
  return fact_texts(behaviour_of(std::move(records)).effects.facts);
}

// What one call of the shell means.
std::vector<std::string> facts_of_call(std::string_view call, std::string_view args,
                                       std::string_view extra = "") {
  return facts_of({call_record("p1", call, args, extra)});
}

TEST(Facts, BelongToTheProgramNotToTheProcess) {
  EXPECT_THAT(
      facts_of({exec_record("p1", "/bin/sh"), fork_record("p1", "p1.1"), exit_record("p1", 0),
                open_record("p1.1", "/from/sh"), exec_record("p1.1", "/usr/bin/cat"),
                open_record("p1.1", "/from/cat"), exit_record("p1.1", 3)}),
      UnorderedElementsAre("exec /bin/sh by tc", "exec /usr/bin/cat by sh", "exit 0 by sh",
                           "exit 3 by cat", "file read /from/sh by sh",
                           "file read /from/cat by cat"));
}

TEST(Facts, AThreadRunsWhatRanWhenItWasMade) {
  EXPECT_THAT(facts_of({exec_record("p1", "/bin/old"), fork_record("p1", "p1/1"),
                        exec_record("p1", "/bin/new"), open_record("p1/1", "/x")}),
              Contains("file read /x by old"));
}

TEST(Facts, StatusOfASubshellIsItsOwnAffair) {
  EXPECT_THAT(facts_of({exec_record("p1", "/bin/sh"), fork_record("p1", "p1.1"),
                        exit_record("p1", 0), exit_record("p1.1", 1)}),
              Contains("(exit 1 by sh)"));
}

TEST(Facts, TellAccessByTheFlagsOfOpen) {
  EXPECT_THAT(
      facts_of(
          {open_record("p1", "/r"), open_record("p1", "/w", "O_WRONLY|O_CREAT|O_TRUNC"),
           open_record("p1", "/rw", "O_RDWR"), open_record("p1", "/c", "O_WRONLY|O_CREAT|O_EXCL"),
           open_record("p1", "/d", "O_RDONLY|O_DIRECTORY"),
           open_record("p1", "/p", "O_PATH|O_CLOEXEC"), open_record("p1", "/dev/null", "O_RDWR"),
           failed_open("p1", "/m", "ENOENT"), failed_open("p1", "/etc/shadow", "EACCES")}),
      UnorderedElementsAre("file read /r by tc", "file write /w by tc", "file write /rw by tc",
                           "file create /c by tc", "file missing /m by tc",
                           "denied openat /etc/shadow by tc"));
}

TEST(Facts, OfTheLoaderAreBackground) {
  EXPECT_THAT(facts_of({open_record("p1", "/etc/ld.so.cache"),
                        open_record("p1", "/lib/x86_64-linux-gnu/libc.so.6"),
                        failed_open("p1", "/usr/share/locale/de/LC_MESSAGES/sh.mo", "ENOENT")}),
              UnorderedElementsAre("(file read /etc/ld.so.cache by tc)",
                                   "(file read /lib/x86_64-linux-gnu/libc.so.6 by tc)",
                                   "(file missing /usr/share/locale/de/LC_MESSAGES/sh.mo by tc)"));
}

TEST(Facts, OfASearchForLibrariesAreBackground) {
  EXPECT_THAT(facts_of({failed_open("p1", "/srv/app/libfoo.so.1", "ENOENT"),
                        open_record("p1", "/srv/app/lib/libfoo.so.1")}),
              UnorderedElementsAre("(file missing /srv/app/libfoo.so.1 by tc)",
                                   "file read /srv/app/lib/libfoo.so.1 by tc"));
}

TEST(Facts, TellAConnectionWhetherOrNotItCameAbout) {
  EXPECT_THAT(facts_of({connect_record("p1", "203.0.113.7", 443)}),
              ElementsAre("connect inet 203.0.113.7:443 tcp by tc"));
  EXPECT_THAT(
      facts_of({R"j({"args":{"fd":"socket#1(inet6,stream)","uservaddr":{"sa_family":"AF_INET6",)j"
                R"("sin6_addr":"2001:db8::1","sin6_port":80}},"call":"connect",)"
                R"("error":"ECONNREFUSED","event":"syscall","thread":"p1"})"}),
      ElementsAre("connect inet6 [2001:db8::1]:80 tcp by tc"));
}

TEST(Facts, AConnectedDatagramSocketCountsOnlyWhenItSends) {
  const std::string probe = connect_record("p1", "192.0.2.1", 53, "dgram");
  EXPECT_THAT(facts_of({probe}), IsEmpty());
  EXPECT_THAT(facts_of({probe, call_record("p1", "sendto",
                                           R"j("addr":"NULL","fd":"socket#1(inet,dgram)")j")}),
              ElementsAre("send-to inet 192.0.2.1:53 udp by tc"));
  // A child goes on with the sockets it inherits.
  EXPECT_THAT(facts_of({probe, fork_record("p1", "p1.1"),
                        call_record("p1.1", "write", R"j("fd":"socket#1(inet,dgram)")j")}),
              ElementsAre("send-to inet 192.0.2.1:53 udp by tc"));
}

TEST(Facts, AServerIsKnownByItsAddressNotItsClients) {
  EXPECT_THAT(
      facts_of({call_record("p1", "bind",
                            R"j("fd":"socket#1(inet,stream)","umyaddr":{)j"
                            R"("sa_family":"AF_INET","sin_addr":"0.0.0.0","sin_port":8080})"),
                call_record("p1", "listen", R"j("fd":"socket#1(inet,stream)")j"),
                call_record("p1", "accept4", R"j("fd":"socket#1(inet,stream)")j")}),
      UnorderedElementsAre("bind inet 0.0.0.0:8080 tcp by tc", "listen inet 0.0.0.0:8080 tcp by tc",
                           "accept inet 0.0.0.0:8080 tcp by tc"));
}

TEST(Facts, NameTheTargetOfASignalByItsProgram) {
  EXPECT_THAT(
      facts_of(
          {exec_record("p1", "/bin/sh"), fork_record("p1", "p1.1"),
           call_record("p1", "kill", R"("pid":"p1.1","sig":"SIGTERM")"),
           call_record("p1", "kill", R"("pid":"p1.1","sig":0)"),
           call_record("p1", "kill", R"("pid":"outside#1","sig":"SIGHUP")"),
           call_record("p1", "tgkill", R"("pid":"p1","sig":"SIGABRT","tgid":"p1")"),
           exec_record("p1.1", "/bin/sleep"),
           R"({"code":"SI_USER","event":"signal","sender":"p1","signal":"SIGTERM","thread":"p1.1"})",
           R"({"event":"process_exit","signal":"SIGTERM","thread":"p1.1"})"}),
      UnorderedElementsAre(
          "exec /bin/sh by tc", "exec /bin/sleep by sh", "signal-sent SIGTERM to sleep by sh",
          "signal-sent SIGHUP to outside by sh", "signal-sent SIGABRT to itself by sh",
          "signal-received SIGTERM by sleep", "killed SIGTERM by sleep"));
}

TEST(Facts, TellWhatACallDoesToTheSystem) {
  EXPECT_THAT(facts_of_call("mprotect", R"("len":1,"prot":"PROT_READ|PROT_WRITE|PROT_EXEC")"),
              ElementsAre("memory writable+executable by tc"));
  EXPECT_THAT(facts_of_call("mmap", R"("prot":"PROT_READ|PROT_EXEC")"), IsEmpty());
  EXPECT_THAT(facts_of_call("setresuid", R"("euid":0,"ruid":0,"suid":0)"),
              ElementsAre("privilege setresuid 0 0 0 by tc"));
  EXPECT_THAT(facts_of_call("clone", R"("clone_flags":"CLONE_NEWNS|CLONE_VM|CLONE_NEWPID")"),
              ElementsAre("namespace clone CLONE_NEWNS|CLONE_NEWPID by tc"));
  EXPECT_THAT(facts_of_call("prctl", R"("option":"PR_SET_SECCOMP")"),
              ElementsAre("privilege prctl PR_SET_SECCOMP by tc"));
  EXPECT_THAT(facts_of_call("prctl", R"("option":"PR_SET_NAME")"), IsEmpty());
  EXPECT_THAT(facts_of_call("ioctl", R"("cmd":"TCGETS","fd":"stdout")"), IsEmpty());
  EXPECT_THAT(facts_of_call("ioctl", R"("cmd":"LOOP_SET_FD","fd":"/dev/loop0")"),
              ElementsAre("ioctl LOOP_SET_FD on /dev/loop0 by tc"));
  EXPECT_THAT(
      facts_of_call("socket",
                    R"("family":"AF_NETLINK","protocol":"NETLINK_ROUTE","type":"SOCK_RAW")"),
      IsEmpty());
  EXPECT_THAT(
      facts_of_call("socket",
                    R"("family":"AF_NETLINK","protocol":"NETLINK_AUDIT","type":"SOCK_RAW")"),
      ElementsAre("socket netlink NETLINK_AUDIT by tc"));
  EXPECT_THAT(facts_of_call("write", R"("fd":"stderr")"), ElementsAre("(stream stderr by tc)"));
}

TEST(Facts, TellFilesByTheirPaths) {
  EXPECT_THAT(facts_of_call("renameat2", R"("flags":"0")", R"("file":"/a","file2":"/b",)"),
              ElementsAre("file rename /a -> /b by tc"));
  EXPECT_THAT(facts_of_call("unlinkat", R"("flag":"AT_REMOVEDIR")", R"("file":"/d",)"),
              ElementsAre("file rmdir /d by tc"));
  EXPECT_THAT(facts_of_call("symlink", R"("newname":"l","oldname":"../t")", R"("file":"/l",)"),
              ElementsAre("file link /l -> ../t by tc"));
  EXPECT_THAT(facts_of_call("utimensat", R"("dfd":"/srv/x#2","filename":"NULL")"),
              ElementsAre("file times /srv/x by tc"));
  EXPECT_THAT(facts_of_call("getdents64", R"("fd":"/srv/dir#2")"),
              ElementsAre("file list /srv/dir by tc"));
  EXPECT_THAT(facts_of_call("fchmod", R"("fd":"/srv/x","mode":"0600")"),
              ElementsAre("file chmod 0600 /srv/x by tc"));
}

TEST(Facts, ASearchAlongPathIsNoEffectButAFailedExecIs) {
  const auto failed = [](const char* error) {
    return facts_of({fmt::format(R"({{"args":{{"filename":"x"}},"call":"execve","error":"{}",)"
                                 R"("event":"syscall","file":"/bin/x","thread":"p1"}})",
                                 error)});
  };
  EXPECT_THAT(failed("ENOENT"), ElementsAre("(file missing /bin/x by tc)"));
  EXPECT_THAT(failed("EACCES"), ElementsAre("exec-failed /bin/x EACCES by tc"));
}

TEST(Facts, OfFailedCallsAreNotTold) {
  EXPECT_THAT(facts_of({R"({"args":{},"call":"unlink","error":"ENOENT","event":"syscall",)"
                        R"("file":"/x","thread":"p1"})"}),
              IsEmpty());
}

TEST(Facts, KeepTheFirstRecordAsEvidence) {
  const Behaviour run = behaviour_of({open_record("p1", "/b"), open_record("p1", "/a"),
                                      open_record("p1", "/a", "O_RDONLY|O_CLOEXEC")});
  const Fact wanted = {.kind = Kind::kFileRead, .object = "/a", .subject = "tc"};
  const auto found = run.effects.facts.find(wanted);
  ASSERT_NE(found, run.effects.facts.end());
  EXPECT_EQ(found->line, 3U);
  EXPECT_EQ(found->record, open_record("p1", "/a"));
}

TEST(Facts, CollectTheCallsOfEachProgram) {
  const Behaviour run = behaviour_of(
      {exec_record("p1", "/bin/sh"), open_record("p1", "/a"), call_record("p1", "getpid", "")});
  EXPECT_THAT(run.effects.calls.at("sh"), ElementsAre("execve", "getpid", "openat"));
}

// Every row of the table: with all arguments that its form names, it tells its own kind.
TEST(CallRules, EachFormTellsItsKind) {
  std::size_t forms = 0;
  for (const CallRule& rule : call_rules()) {
    EXPECT_EQ(find_call_rule(rule.call), &rule);
    EXPECT_NE(rule.form.empty(), rule.tell == nullptr) << rule.call;
    if (rule.form.empty()) continue;
    ++forms;
    std::string args;
    std::string text(rule.form);
    for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
      std::string name = text.substr(at + 1, text.find('}', at) - at - 1);
      if (name.starts_with("fd:")) name = name.substr(3);
      if (name.starts_with("file")) continue;
      args.append(args.empty() ? "" : ",").append("\"" + name + "\":\"ADJ_\"");
    }
    nlohmann::json record = nlohmann::json::parse("{\"args\":{" + args + "},\"file\":\"/f\"}");
    if (!rule.needle.empty()) record["args"]["x"] = std::string(rule.needle);
    record["call"] = std::string(rule.call);
    record["event"] = "syscall";
    record["file2"] = "/g";
    record["thread"] = "p1";
    const Behaviour run = behaviour_of({record.dump()});
    ASSERT_EQ(run.effects.facts.size(), 1U) << rule.call;
    EXPECT_EQ(run.effects.facts.begin()->kind, rule.kind) << rule.call;
    EXPECT_EQ(run.effects.facts.begin()->object.find('{'), std::string::npos) << rule.call;
  }
  EXPECT_GT(forms, 70U);
}

TEST(FactKind, IsFoundByItsName) {
  for (unsigned i = 0; i <= static_cast<unsigned>(Kind::kSyscall); ++i) {
    const KindRow& row = row_of(static_cast<Kind>(i));
    EXPECT_EQ(find_kind(row.name), &row);
  }
  EXPECT_EQ(find_kind("nothing"), nullptr);
}

}  // namespace
