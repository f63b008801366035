// What symbolisation costs: reading libc's symbols and 35,000 synthetic ones, and looking them up.
// Figures are compared by scripts/bench, never asserted.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "proc/maps.h"
#include "symbol/resolver.h"

namespace {

using namespace tc::symbol;  // NOLINT: a program of its own

constexpr std::size_t kSymbols = 35'000;

struct Named {
  std::string name;
  std::uint64_t address;
  std::uint64_t size;
};

// Functions as in a big program: aligned to 16, padded, of every length, in no order.
std::vector<Named> synthetic_symbols() {
  std::mt19937_64 random(1);
  std::vector<Named> symbols;
  std::uint64_t address = 0x10000;
  for (std::size_t i = 0; i < kSymbols; ++i) {
    const std::uint64_t size = 8 + random() % 500;
    symbols.push_back({"_ZN9synthetic8functionE" + std::to_string(i), address, size});
    address += (size + 15) / 16 * 16;
  }
  std::shuffle(symbols.begin(), symbols.end(), random);
  return symbols;
}

Table table_of(const std::vector<Named>& symbols) {
  TableBuilder builder;
  for (const Named& symbol : symbols) {
    (void)builder.add({.name = symbol.name, .address = symbol.address, .size = symbol.size},
                      Binding::kGlobal);
  }
  return std::move(builder).build();
}

std::string libc_path() {
  const auto mappings =
      tc::proc::parse_maps(tc::base::read_file("/proc/self/maps").value(), "maps");
  for (const auto& mapping : mappings.value()) {
    if (mapping.path.find("/libc.so") != std::string::npos) return mapping.path;
  }
  return "/lib/x86_64-linux-gnu/libc.so.6";
}

void build_synthetic(benchmark::State& state) {
  const std::vector<Named> symbols = synthetic_symbols();
  for (auto _ : state) benchmark::DoNotOptimize(table_of(symbols));
}
BENCHMARK(build_synthetic)->Unit(benchmark::kMillisecond);

void look_up(benchmark::State& state, const Table& table) {
  std::vector<std::uint64_t> addresses;
  for (const Definition& definition : table.find("*")) addresses.push_back(definition.address + 3);
  std::shuffle(addresses.begin(), addresses.end(), std::mt19937_64(2));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.lookup(addresses[i]));
    if (++i == addresses.size()) i = 0;
  }
}

void look_up_synthetic(benchmark::State& state) { look_up(state, table_of(synthetic_symbols())); }
BENCHMARK(look_up_synthetic);

void load_libc(benchmark::State& state, const std::string& debug_root) {
  const std::string path = libc_path();
  const auto fd = tc::base::open_file(path, O_RDONLY);
  for (auto _ : state) {
    benchmark::DoNotOptimize(read_elf(fd->get(), path, {.debug_root = debug_root}));
  }
}
BENCHMARK_CAPTURE(load_libc, dynamic, "")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_libc, debug, "/usr/lib/debug")->Unit(benchmark::kMillisecond);

void look_up_libc(benchmark::State& state) {
  const std::string path = libc_path();
  const auto fd = tc::base::open_file(path, O_RDONLY);
  const auto image = read_elf(fd->get(), path).value();
  look_up(state, image->symbols);
}
BENCHMARK(look_up_libc);

void resolve_live_frame(benchmark::State& state) {
  auto mappings = tc::proc::parse_maps(tc::base::read_file("/proc/self/maps").value(), "maps");
  const AddressSpace space(std::move(*mappings));
  LiveImages images(tc::proc::LiveProc(), {});
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const auto address = reinterpret_cast<std::uint64_t>(&::qsort) + 5;
  for (auto _ : state) {
    benchmark::DoNotOptimize(resolve(space, pid, address, images, AddressKind::kReturn));
  }
}
BENCHMARK(resolve_live_frame);

void parse_own_maps(benchmark::State& state) {
  const std::string text = tc::base::read_file("/proc/self/maps").value();
  for (auto _ : state) benchmark::DoNotOptimize(tc::proc::parse_maps(text, "maps"));
}
BENCHMARK(parse_own_maps)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
