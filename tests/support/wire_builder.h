// Wire records for unit tests, made from the same JSON images as fixtures.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "event/pack.h"
#include "event/wire.h"

namespace tc::test {

inline event::PackedRecord packed(std::string_view image) {
  auto record = event::pack(nlohmann::json::parse(image));
  EXPECT_TRUE(record.ok()) << (record.ok() ? "" : record.error().text());
  return record.ok() ? std::move(record).value() : event::PackedRecord();
}

inline event::WireRecord view(const event::PackedRecord& bytes) {
  auto record = event::WireRecord::parse(bytes);
  EXPECT_TRUE(record.ok());
  return *record;
}

}  // namespace tc::test
