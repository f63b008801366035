// Programs as people run them: each again and again in the sandbox, idle and (TC_STRESS=1) beside
// two busy loops; output, status, files and log must be the same every time.
#include "kernel/sandbox_run.h"

namespace tc::test {
namespace {

SandboxCase bash(std::string name, std::string script) {
  return {.name = std::move(name), .command = {"bash", "-c", std::move(script)}};
}

SandboxCase prepared(std::string name, std::string preparation, std::string script) {
  SandboxCase what = bash(std::move(name), std::move(script));
  what.preparation = std::move(preparation);
  return what;
}

SandboxCase expecting(SandboxCase what, std::string output, int status = 0) {
  what.output = std::move(output);
  what.status = status;
  return what;
}

// Python keeps compiled modules, and libuuid the time of its last identifier, in files of the host:
// what one run writes there is an input of the next, so it must not stay.
SandboxCase python(std::string name, std::string script) {
  return {.name = std::move(name),
          .command = {"/usr/bin/python3", "-c", std::move(script)},
          .options = {"--discard"}};
}

constexpr const char* kThreadsReadClock = R"(
import queue, threading, time
q = queue.Queue()
def work(n):
    for i in range(5): q.put((n, time.time(), time.monotonic()))
ts = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in ts: t.start()
for t in ts: t.join()
while not q.empty(): print(q.get())
)";

constexpr const char* kAsyncTimers = R"(
import asyncio, time
async def tick(name, delay, times):
    for i in range(times):
        await asyncio.sleep(delay)
        print(name, i, time.monotonic(), flush=True)
async def main():
    await asyncio.gather(tick("a", 0.3, 4), tick("b", 0.5, 3), tick("c", 0.2, 5))
    p = await asyncio.create_subprocess_exec("echo", "from a child", stdout=asyncio.subprocess.PIPE)
    print((await p.communicate())[0])
asyncio.run(main())
)";

constexpr const char* kNode = R"(
const start = Date.now();
setTimeout(() => console.log("late", Date.now() - start, Math.random()), 200);
setTimeout(() => console.log("early", Date.now() - start, Math.random()), 50);
console.log(Math.random(), process.pid, process.hrtime.bigint(), require("crypto").randomUUID());
)";

constexpr const char* kJavaSource = R"(
public class Hello {
  public static void main(String[] words) throws Exception {
    Thread[] threads = new Thread[4];
    StringBuffer seen = new StringBuffer();
    for (int i = 0; i < 4; ++i) {
      final int name = i;
      threads[i] = new Thread(() -> { for (int k = 0; k < 3; ++k) { seen.append(name); Thread.yield(); } });
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    System.out.println("hello " + seen + " " + System.nanoTime() + " " + new Object().hashCode()
        + " " + java.util.UUID.randomUUID() + " " + new java.util.Random().nextInt());
  }
}
)";

constexpr const char* kCProgram = R"(
cat >hello.c <<'END'
#include <stdio.h>
int main(void) { printf("hello, built %s %s\n", __DATE__, __TIME__); return 0; }
END
)";

constexpr const char* kProject = R"(
mkdir src
for i in 1 2 3 4 5 6; do
  echo "int f$i(int n) { return n * $i; } /* __DATE__ */ const char* d$i = __TIME__;" >src/f$i.c
done
cat >src/main.c <<'END'
#include <stdio.h>
int f1(int), f2(int), f3(int), f4(int), f5(int), f6(int);
int main(void) { printf("%d\n", f1(1) + f2(1) + f3(1) + f4(1) + f5(1) + f6(1)); return 0; }
END
cat >Makefile <<'END'
objects = $(patsubst src/%.c,out/%.o,$(wildcard src/*.c))
program: $(objects)
	gcc -o $@ $(sort $^)
out/%.o: src/%.c | out
	gcc -O1 -c -o $@ $<
	@echo compiled $<
out:
	mkdir $@
END
)";

constexpr const char* kServer = R"(
echo content >index.html
python3 -B -m http.server --bind 127.0.0.1 8123 >server.log 2>&1 &
server=$!
for i in $(seq 100); do curl -s http://127.0.0.1:8123/index.html && break; sleep 0.1; done
curl -sI http://127.0.0.1:8123/index.html
kill $server; wait $server 2>/dev/null; cat server.log
)";

constexpr const char* kRedis = R"(
redis-server --port 6399 --save '' --appendonly no --dir . >server.log &
server=$!
for i in $(seq 100); do redis-cli -p 6399 ping 2>/dev/null && break; sleep 0.1; done
redis-cli -p 6399 set key value; redis-cli -p 6399 get key; redis-cli -p 6399 incr n
redis-cli -p 6399 lpush list a b c; redis-cli -p 6399 lrange list 0 -1; redis-cli -p 6399 time
redis-cli -p 6399 info server | grep -E 'run_id|process_id|uptime_in_seconds'
redis-cli -p 6399 shutdown nosave; wait $server; cat server.log
)";

constexpr const char* kGit = R"(
export HOME=$PWD GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main repository; cd repository
echo one >one; git add one; git commit -qm first; git rev-parse HEAD
echo two >>one; mkdir d; echo x >d/x; git add -A; git commit -qm second; git log --format='%H %ad'
git status --short; git gc -q; git fsck; sha1sum .git/index
)";

std::vector<SandboxCase> command_cases() {
  return {
      expecting(bash("date_sleep_date", "date; sleep 1; date +%s"),
                "Wed Jan  1 00:00:00 UTC 2025\n1735689601\n"),
      expecting(bash("long_sleep", "sleep 86400; date"), "Thu Jan  2 00:00:00 UTC 2025\n"),
      {.name = "timeout", .command = {"timeout", "1", "sleep", "5"}, .status = 124},
      bash("bash_variables", "echo $RANDOM $RANDOM $$ $PPID $SECONDS $BASHPID $EPOCHREALTIME $UID"),
      {.name = "ls_root", .command = {"ls", "-la", "/"}},
      {.name = "ls_bin", .command = {"ls", "-l", "/usr/bin"}},
      {.name = "stat", .command = {"stat", "."}},
      {.name = "find_etc", .command = {"find", "/etc", "-ls"}},
      bash("disk_usage", "du -sk /etc; df -P / | tail -n 1"),
      {.name = "ps", .command = {"ps", "aux"}},
      {.name = "proc_files",
       .command = {"cat", "/proc/meminfo", "/proc/cpuinfo", "/proc/self/maps", "/proc/uptime"}},
      bash("machine", "nproc; hostname; uname -a; uptime; free; lscpu; getconf -a | sort"),
      {.name = "id", .command = {"id"}},
      bash("environment", "env | sort; ulimit -a; umask; ls -l /proc/self/fd | wc -l; pwd"),
      {.name = "uuidgen", .command = {"uuidgen"}},
      bash("mktemp", "mktemp; mktemp -d; mktemp -u; mktemp ./here-XXXXXX"),
      {.name = "openssl_rand", .command = {"openssl", "rand", "-hex", "8"}},
      bash("entropy",
           "shuf -i 1-20 | tr '\\n' ' '; awk 'BEGIN {srand(); print rand()}'; "
           "head -c 8 /dev/urandom | od -x; cat /proc/sys/kernel/random/uuid"),
      python("python_random",
             "import os,uuid,random,time;print(hash('a'),{*'abcdef'},id(object()),"
             "os.urandom(8),uuid.uuid1(),uuid.uuid4(),random.random(),time.time(),os.getpid())"),
      python("python_threads", kThreadsReadClock),
      python("python_asyncio", kAsyncTimers),
      python("python_processes",
             "import multiprocessing as m\nwith m.Pool(3) as p: print(p.map(abs, range(-9, 9)))"),
      {.name = "node", .command = {"node", "-e", kNode}},
      {.name = "java",
       .command = {"java", "-cp", ".", "Hello"},
       .preparation =
           std::string("cat >Hello.java <<'END'") + kJavaSource + "END\njavac Hello.java"},
      {.name = "perl",
       .command = {"perl", "-e", "my %h = map {$_=>1} 'a'..'z'; print keys %h, rand, $$, time"}},
      prepared("gcc", kCProgram, "gcc -O2 -o hello hello.c && ./hello && sha256sum hello"),
      prepared("gcc_pipe", kCProgram, "gcc -pipe -g -o hello hello.c && ./hello"),
      prepared("make", kProject, "make -j4 && ./program && make -j4"),
      bash("tar",
           "mkdir d; for i in 5 3 9 1; do echo $i >d/$i; done; tar cf t.tar d; "
           "tar czf t.tgz d; sha256sum t.tar t.tgz; tar tvf t.tar"),
      bash("zip", "for i in 5 3 9 1; do echo $i >$i; done; zip -q z.zip *; sha256sum z.zip"),
      bash("git", kGit),
      expecting(bash("fifo", "mkfifo f; (echo x>f &); cat f"), "x\n"),
      expecting(bash("process_substitution", "diff <(seq 3) <(seq 4)"), "3a4\n> 4\n", 1),
      {.name = "xargs", .command = {"sh", "-c", "seq 20 | xargs -P4 -n1 echo"}},
      bash("background_jobs", "for i in 3 1 2; do (sleep 0.$i; echo $i) & done; wait; jobs"),
      bash("output_race",
           "for i in a b c d; do (for k in 1 2 3 4 5; do echo -n $i; done) & done; wait"),
      bash("pipeline", "seq 100000 | sort -rn | head -n 3; yes | head -n 1; echo ${PIPESTATUS[@]}"),
      bash("parallel_sort", "seq 50000 | shuf | sort --parallel=4 -n | sha256sum"),
      bash("compress", "seq 100000 >n; xz -T2 -k n; zstd -q -T2 n; gzip -k n; sha256sum n.*"),
      bash("sqlite",
           "sqlite3 d.db 'create table t(a, b); insert into t values (1, random()); "
           "select datetime(), hex(randomblob(4)), * from t'; sha256sum d.db"),
      bash("sqlite_two",
           "sqlite3 d.db 'create table t(a)'; for i in 1 2 3; do sqlite3 -cmd "
           "'.timeout 9000' d.db \"insert into t values ($i)\" & done; wait; "
           "sqlite3 d.db 'select * from t'"),
      bash("http_server", kServer),
      bash("redis", kRedis),
      bash("shell_signals",
           "trap 'echo usr1' USR1; (sleep 0.2; kill -USR1 $$) & sleep 1; "
           "sleep 5 & p=$!; kill -STOP $p; kill -CONT $p; kill $p; wait $p; echo $?"),
      bash("make_knows_times",
           "printf 'b: a\\n\\tcp a b\\n' >Makefile; echo 1 >a; make; make; "
           "echo 2 >a; make; cat b; stat -c '%n %Y %Z %i' a b Makefile"),
      bash("watch_clock", "for i in 1 2 3; do date +%s.%N; done; time true; cat /proc/uptime"),
      bash("terminal", "tty; stty size; [ -t 1 ] || echo no terminal"),
      bash("network_state", "ip addr; ip route; ss -an; cat /proc/net/dev /proc/net/route"),
      {.name = "busybox", .command = {"busybox", "sh", "-c", "ls -l /; date; echo $RANDOM; ps"}},
      {.name = "exit_status", .command = {"sh", "-c", "exit 42"}, .status = 42},
      {.name = "killed", .command = {"sh", "-c", "kill -TERM $$"}, .status = 128 + 15},
  };
}

std::string command_name(const testing::TestParamInfo<SandboxCase>& info) {
  return info.param.name;
}

class SandboxCommandTest : public testing::TestWithParam<SandboxCase> {};

TEST_P(SandboxCommandTest, IsTheSameInEveryRun) { EXPECT_TRUE(runs_are_same(GetParam())); }

INSTANTIATE_TEST_SUITE_P(, SandboxCommandTest, testing::ValuesIn(command_cases()), command_name);

// What waits for ever is told with its waits.
TEST(SandboxDeadlock, OfAReaderOfAFifo) {
  const SandboxCase what = {.name = "reader of a FIFO",
                            .command = {"bash", "-c", "mkfifo fifo; cat <fifo"},
                            .status = 123};
  EXPECT_TRUE(runs_are_same(what));
  const Workplace place;
  const SandboxRun run = run_case(what, place, 0);
  EXPECT_NE(run.error.find("fifo"), std::string::npos) << run.error;
}

}  // namespace
}  // namespace tc::test
