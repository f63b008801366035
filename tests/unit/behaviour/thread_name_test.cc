#include "behaviour/thread_name.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace tc::behaviour;

TEST(ThreadName, OrdersAThreadItsThreadsItsChildrenByNumber) {
  const std::vector<std::string> order = {"p1",     "p1/1", "p1/1.1", "p1/2",  "p1/10", "p1.1",
                                          "p1.1/1", "p1.2", "p1.2.1", "p1.10", "p2"};
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < order.size(); ++j)
      EXPECT_EQ(before_in_tree(order[i], order[j]), i < j) << order[i] << " " << order[j];
}

TEST(ThreadName, TellsProcessAndCreator) {
  EXPECT_EQ(process_of("p1.2/1"), "p1.2");
  EXPECT_EQ(process_of("p1/2.1"), "p1/2.1");
  EXPECT_EQ(process_of("p1"), "p1");
  EXPECT_EQ(creator_of("p1/2.1"), "p1/2");
  EXPECT_EQ(creator_of("p1"), "");
}

TEST(ThreadName, KnowsANameFromOtherText) {
  EXPECT_TRUE(is_thread_name("p1.20/3"));
  for (const char* text : {"", "p", "p1.", "p1x", "q1", "p1..2", "pp1"})
    EXPECT_FALSE(is_thread_name(text)) << text;
}

}  // namespace
