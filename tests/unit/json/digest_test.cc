#include "json/digest.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace {

using tc::json::Sha256;

constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, MatchesThePublishedVectors) {
  Sha256 sha;
  EXPECT_EQ(sha.hex(), kOfNothing);
  sha.update("abc");
  EXPECT_EQ(sha.hex(), kOfAbc);
}

TEST(Sha256, GoesOnAfterItWasRead) {
  Sha256 sha;
  sha.update("a");
  EXPECT_EQ(sha.hex().size(), 64U);
  sha.update("");
  sha.update("bc");
  EXPECT_EQ(sha.hex(), kOfAbc);
  EXPECT_EQ(sha.hex(), kOfAbc);
}

TEST(Sha256, KeepsACheckpointInACopy) {
  Sha256 sha;
  sha.update("ab");
  Sha256 checkpoint(sha);
  sha.update("x");
  checkpoint.update("c");
  EXPECT_EQ(checkpoint.hex(), kOfAbc);
  EXPECT_NE(sha.hex(), kOfAbc);
  sha = checkpoint;
  EXPECT_EQ(sha.hex(), kOfAbc);
  const Sha256 moved(std::move(sha));
  EXPECT_EQ(moved.hex(), kOfAbc);
}

}  // namespace
