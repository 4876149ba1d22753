// SPDX-License-Identifier: Apache-2.0
//
// Traces as values: merging, the table, JSON, profiles. What a kernel says is tested by tests/live/trace.
#include <stile/trace.h>

#include <gtest/gtest.h>

namespace stile {
namespace {

CallCount counted(uint64_t calls, uint64_t errors = 0, uint64_t nanoseconds = 0) {
  CallCount count;
  count.calls = count.returned = calls;
  count.errors = errors;
  count.nanoseconds = nanoseconds;
  count.shortest = calls == 0 ? 0 : nanoseconds / calls;
  count.longest = count.shortest;
  count.first_seen = "./app";
  return count;
}

Trace sample() {
  Trace trace;
  trace.command = {"./app", "--serve"};
  trace.backend = "ebpf";
  trace.nanoseconds = 5'000'000;
  TraceGroup app;
  app.program = "/opt/app";
  app.main = true;
  app.calls[{"read", "x86_64"}] = counted(10, 2, 3'000'000);
  app.calls[{"socket", "x86_64"}] = counted(2, 0, 1'000'000);
  app.calls[{"socket", "x86_64"}].argument = ArgumentValues{0, {1, 2}, false};
  app.calls[{"getpid", "i386"}] = counted(1);
  TraceGroup other;
  other.program = "/bin/other";
  other.calls[{"mkdir", "x86_64"}] = counted(3);
  trace.groups = {app, other};
  return trace;
}

TEST(Trace, JsonReadsBack) {
  Trace trace = sample();
  trace.lost = 7;
  trace.results = trace.times = false;
  trace.hidden = true;
  trace.groups[0].calls[{"socket", "x86_64"}].argument->incomplete = true;
  trace.groups[0].calls[{"read", "x86_64"}].estimated = 4;
  const std::string text = write_trace(trace);
  EXPECT_TRUE(is_trace(text));
  const auto back = read_trace(text, "t.json");
  ASSERT_TRUE(back) << to_line(back.error());
  EXPECT_EQ(*back, trace);
  EXPECT_EQ(write_trace(*back), text);
}

TEST(Trace, JsonIsStrict) {
  const std::string good = write_trace(sample());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_FALSE(read_trace("", "t"));
  EXPECT_FALSE(read_trace("{}", "t"));
  EXPECT_FALSE(read_trace(with("stile-trace", "stile-profile"), "t"));
  EXPECT_FALSE(read_trace(with("\"by\": \"program\"", "\"by\": \"colour\""), "t"));
  EXPECT_FALSE(read_trace(with("\"calls\": 10", "\"calls\": -10"), "t"));
  EXPECT_FALSE(read_trace(with("\"calls\": 10", "\"calls\": \"10\""), "t"));
  EXPECT_FALSE(read_trace(with("\"lost\": 0", "\"lost\": 0, \"more\": 1"), "t"));
  EXPECT_FALSE(read_trace(with("\"index\": 0", "\"index\": 6"), "t"));
  const auto newer = read_trace(with("\"schema\": 1", "\"schema\": 2"), "t");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, Code::Unsupported);
  // A call that is there twice
  EXPECT_FALSE(read_trace(with("\"name\": \"socket\"", "\"name\": \"read\""), "t"));
  EXPECT_FALSE(is_trace("{\"kind\": \"stile-profile\"}"));
  EXPECT_FALSE(
      is_trace("\x7f"
               "ELF"));
}

TEST(Trace, MergeAddsUp) {
  Trace sum = sample();
  Trace again = sample();
  again.groups.pop_back();
  again.groups[0].calls[{"read", "x86_64"}] = counted(1, 1, 9'000'000);
  again.groups[0].calls[{"read", "x86_64"}].estimated = 1;
  again.hidden = true;
  again.groups[0].calls[{"write", "x86_64"}] = counted(4);
  again.groups[0].calls[{"socket", "x86_64"}].argument->values = {10};
  ASSERT_TRUE(merge(sum, again));
  EXPECT_EQ(sum.runs, 2u);
  const auto& calls = sum.groups[0].calls;
  const CallCount& read = calls.at({"read", "x86_64"});
  EXPECT_EQ(read.calls, 11u);
  EXPECT_EQ(read.errors, 3u);
  EXPECT_EQ(read.runs, 2u);
  EXPECT_EQ(read.nanoseconds, 12'000'000u);
  EXPECT_EQ(read.shortest, 300'000u);
  EXPECT_EQ(read.longest, 9'000'000u);
  EXPECT_EQ(read.estimated, 1u);
  EXPECT_TRUE(sum.hidden);
  EXPECT_EQ(calls.at({"write", "x86_64"}).runs, 1u);
  EXPECT_EQ(calls.at({"socket", "x86_64"}).argument->values, (std::set<uint32_t>{1, 2, 10}));
  EXPECT_EQ(sum.groups[1].calls.at({"mkdir", "x86_64"}).runs, 1u);
}

// A run that did not look at an argument may have had any value.
TEST(Trace, MergeForgetsNothingOfArguments) {
  Trace sum = sample();
  Trace blind = sample();
  blind.groups[0].calls[{"socket", "x86_64"}].argument.reset();
  ASSERT_TRUE(merge(sum, blind));
  EXPECT_TRUE(sum.groups[0].calls.at({"socket", "x86_64"}).argument->incomplete);
  Trace other = blind;
  ASSERT_TRUE(merge(other, sample()));
  EXPECT_TRUE(other.groups[0].calls.at({"socket", "x86_64"}).argument->incomplete);
}

TEST(Trace, MergeRefusesWhatCannotBeAdded) {
  Trace by_comm = sample();
  by_comm.by = TraceBy::Comm;
  Trace sum = sample();
  EXPECT_FALSE(merge(sum, by_comm));
  Trace by_thread = sample();
  by_thread.by = TraceBy::Thread;
  Trace threads = by_thread;
  EXPECT_FALSE(merge(threads, by_thread));
}

TEST(Trace, TableIsLikeStrace) {
  Trace trace = sample();
  trace.groups.pop_back();
  const auto text = trace_table(trace, {});
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "% time     seconds  usecs/call     calls    errors syscall\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            " 75.00    0.003000         300        10         2 read\n"
            " 25.00    0.001000         500         2           socket\n"
            "  0.00    0.000000           0         1           getpid (i386)\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            "100.00    0.004000         307        13         2 total\n");
}

TEST(Trace, TableSortsAndChooses) {
  Trace trace = sample();
  const auto text = trace_table(trace, {"name", {"name", "calls", "min-time", "max-time"}});
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "/opt/app:\n"
            "syscall              calls    shortest     longest\n"
            "---------------- --------- ----------- -----------\n"
            "getpid (i386)            1    0.000000    0.000000\n"
            "read                    10    0.000300    0.000300\n"
            "socket                   2    0.000500    0.000500\n"
            "---------------- --------- ----------- -----------\n"
            "total                   13    0.000000    0.000500\n"
            "\n"
            "/bin/other:\n"
            "syscall              calls    shortest     longest\n"
            "---------------- --------- ----------- -----------\n"
            "mkdir                    3    0.000000    0.000000\n"
            "---------------- --------- ----------- -----------\n"
            "total                    3    0.000000    0.000000\n");
  for (const std::string& sort : table_sorts())
    EXPECT_TRUE(trace_table(trace, {sort, table_columns()})) << sort;
  EXPECT_FALSE(trace_table(trace, {"size", {"name"}}));
  EXPECT_FALSE(trace_table(trace, {"time", {"colour"}}));
  EXPECT_FALSE(trace_table(trace, {"time", {}}));
}

TEST(Trace, TableHasAllOrders) {
  Trace trace;
  trace.groups.resize(1);
  const auto put = [&](const char* name, uint64_t calls, uint64_t errors, uint64_t nanoseconds,
                       uint64_t shortest, uint64_t longest, uint64_t runs) {
    CallCount count = counted(calls, errors, nanoseconds);
    count.shortest = shortest;
    count.longest = longest;
    count.runs = runs;
    trace.groups[0].calls[{name, "x86_64"}] = count;
  };
  put("a", 100, 1, 1000, 5, 100, 2);
  put("b", 10, 3, 500, 40, 60, 3);
  put("c", 1, 0, 70, 70, 70, 1);
  const auto rows = [&](const std::string& sort) {
    const auto text = trace_table(trace, {sort, {"name"}}).value();
    const size_t first = text.find('\n', text.find("---")) + 1;
    return std::string{text[first], text[first + 2], text[first + 4]};
  };
  EXPECT_EQ(rows("time"), "abc");
  EXPECT_EQ(rows("calls"), "abc");
  EXPECT_EQ(rows("errors"), "bac");
  EXPECT_EQ(rows("name"), "abc");
  EXPECT_EQ(rows("min"), "cba");
  EXPECT_EQ(rows("max"), "acb");
  EXPECT_EQ(rows("avg"), "cba");
  EXPECT_EQ(rows("runs"), "bac");
  EXPECT_EQ(rows("none"), "abc");
}

TEST(Trace, TableSaysWhichTimesAreEstimates) {
  Trace trace = sample();
  trace.groups.pop_back();
  trace.groups[0].calls[{"read", "x86_64"}].estimated = 8;
  const std::string said = "times: 5 of 13 calls measured, the others estimated from them\n";
  EXPECT_TRUE(trace_table(trace, {})->ends_with(said)) << *trace_table(trace, {});
  // Not beside counts alone, nor where there are no times.
  EXPECT_EQ(trace_table(trace, {"name", {"name", "calls"}})->find("times:"), std::string::npos);
  trace.times = false;
  EXPECT_EQ(trace_table(trace, {})->find("times:"), std::string::npos);
}

TEST(Trace, TableSaysWhatIsNotKnown) {
  Trace trace = sample();
  trace.groups.pop_back();
  trace.results = trace.times = false;
  const auto text = trace_table(trace, {"calls", {"time-percent", "total-time", "calls", "errors", "name"}});
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("     -           -        10         - read\n"), text->npos) << *text;
}

ProfileOptions no_runtime() {
  ProfileOptions options;
  options.runtime = "none";
  return options;
}

TEST(Trace, ProfileAllowsWhatWasSeen) {
  const auto profile = trace_profile(sample(), {no_runtime(), false});
  ASSERT_TRUE(profile) << to_line(profile.error());
  ASSERT_TRUE(profile->rules.contains("read"));
  EXPECT_EQ(profile->rules.at("read").action, (Action{ActionKind::Allow, 0}));
  EXPECT_EQ(profile->rules.at("read").because.at(0).kind, EvidenceKind::Observed);
  EXPECT_EQ(profile->rules.at("getpid").arches, std::vector<std::string>{"i386"});
  EXPECT_TRUE(profile->rules.contains("mkdir"));
  EXPECT_FALSE(profile->rules.contains("ptrace"));
  const Rule& socket = profile->rules.at("socket");
  ASSERT_EQ(socket.cases.size(), 1u);
  EXPECT_EQ(socket.action, profile->otherwise);
  EXPECT_TRUE(holds(socket.cases[0].when, {1}));
  EXPECT_TRUE(holds(socket.cases[0].when, {2}));
  EXPECT_FALSE(holds(socket.cases[0].when, {16}));
}

TEST(Trace, ProfileWithoutOtherPrograms) {
  const auto profile = trace_profile(sample(), {no_runtime(), true});
  ASSERT_TRUE(profile);
  EXPECT_FALSE(profile->rules.contains("mkdir"));
  EXPECT_TRUE(profile->rules.contains("read"));
}

TEST(Trace, ProfileNeedsAllCalls) {
  Trace trace = sample();
  trace.complete = false;
  EXPECT_FALSE(trace_profile(trace, {no_runtime(), false}));
}

TEST(Trace, ProfileLeavesOutIncompleteValuesAndUnknownNumbers) {
  Trace trace = sample();
  trace.groups[0].calls[{"socket", "x86_64"}].argument->incomplete = true;
  trace.groups[0].calls[{"999", "x86_64"}] = counted(1, 1);
  const auto profile = trace_profile(trace, {no_runtime(), false});
  ASSERT_TRUE(profile);
  EXPECT_TRUE(profile->rules.at("socket").cases.empty());
  EXPECT_EQ(profile->rules.at("socket").action.kind, ActionKind::Allow);
  EXPECT_FALSE(profile->rules.contains("999"));
}

Profile static_profile() {
  Profile profile;
  const auto add = [&](const std::string& name, EvidenceKind kind) {
    Rule rule;
    rule.arches = {"x86_64"};
    rule.because = {{kind, "main", {}, ""}};
    profile.rules[name] = rule;
  };
  for (const char* name : {"read", "ptrace", "exit_group", "socket"}) add(name, EvidenceKind::CallPath);
  add("capset", EvidenceKind::ContainerRuntime);
  return profile;
}

TEST(Trace, CombineTellsApart) {
  const Combined combined = combine(static_profile(), sample(), Unseen::Allow);
  EXPECT_EQ(combined.unseen, std::vector<std::string>{"ptrace"});
  EXPECT_EQ(combined.unexpected, std::vector<std::string>{"getpid (i386)"});
  EXPECT_EQ(combined.from_others, std::vector<std::string>{"mkdir"});
  for (const char* name : {"read", "ptrace", "exit_group", "socket", "capset", "getpid", "mkdir"}) {
    EXPECT_EQ(combined.profile.rules.at(name).action.kind, ActionKind::Allow) << name;
  }
  EXPECT_EQ(combined.profile.rules.at("read").because.back().kind, EvidenceKind::Observed);
}

TEST(Trace, CombineLogsOrRefuses) {
  const Combined logged = combine(static_profile(), sample(), Unseen::Log);
  EXPECT_EQ(logged.profile.rules.at("ptrace").action.kind, ActionKind::Log);
  EXPECT_EQ(logged.profile.rules.at("read").action.kind, ActionKind::Allow);
  EXPECT_EQ(logged.profile.rules.at("capset").action.kind, ActionKind::Allow);
  const Combined refused = combine(static_profile(), sample(), Unseen::Errno);
  EXPECT_FALSE(refused.profile.rules.contains("ptrace"));
  EXPECT_TRUE(refused.profile.rules.contains("exit_group"));
  EXPECT_TRUE(refused.profile.rules.contains("capset"));
}

TEST(Trace, Words) {
  for (const TraceBy by : {TraceBy::Executable, TraceBy::Process, TraceBy::Thread, TraceBy::Comm}) {
    EXPECT_EQ(trace_by_from(to_string(by)), by);
  }
  EXPECT_FALSE(trace_by_from("file"));
  EXPECT_EQ(unseen_from("log"), Unseen::Log);
  EXPECT_FALSE(unseen_from("trap"));
  EXPECT_EQ(traced_argument("openat"), 2);
  EXPECT_FALSE(traced_argument("read"));
}

}  // namespace
}  // namespace stile
