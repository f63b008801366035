// Holds the records that tc trace writes and the schemas that it promises together.
#include <fmt/format.h>

#include <set>

#include "kernel/kernel_test.h"
#include "kernel/trace_run.h"
#include "support/schema_check.h"

namespace tc::test {
namespace {

TEST_F(KernelTest, EveryRecordOfATraceKeepsToItsSchema) {
  const SchemaSet schemas = SchemaSet::load(TC_SOURCE_DIR "/userspace/trace/schema");
  std::set<std::string> seen;
  for (const char* scene : {"mix", "bad", "children", "signals", "killed", "i386"}) {
    for (const std::vector<std::string>& options :
         {std::vector<std::string>{"--fold"}, {"--raw"}, {"--env", "PATH"}}) {
      const Evidence evidence = trace_command(options, {guest_program("calls"), scene}).evidence();
      std::vector<Json> records = evidence.records;
      records.push_back(evidence.start);
      records.push_back(evidence.end);
      for (const Json& record : records) {
        const auto event = record.at("event").get<std::string>();
        seen.insert(event);
        for (const std::string& fault : schemas.check(record, event + ".schema.json"))
          ADD_FAILURE() << scene << ": " << fault << "\n" << record.dump();
      }
    }
  }
  // All but losses, which a test cannot have at will; folding needs a loop.
  for (const auto& [file, schema] : schemas.files()) {
    const std::string event = file.substr(0, file.find('.'));
    if (event == "record" || event == "lost" || event == "repeat" || event == "idle") continue;
    EXPECT_TRUE(seen.contains(event)) << event;
  }
}

}  // namespace
}  // namespace tc::test
