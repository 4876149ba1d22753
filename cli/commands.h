// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <stile/analyze.h>

#include "flags.h"
#include "terminal.h"

namespace stile::cli {

// One for each cmd_<verb>.cc; built when first asked for.
Command profile_command();
Command explain_command();
Command run_command();
Command trace_command();
Command compile_command();
Command disasm_command();
Command emulate_command();
Command doctor_command();
Command embed_command();
Command diff_command();
Command edit_command();
Command merge_command();
Command convert_command();
Command lint_command();
Command syscalls_command();

const std::vector<Command>& commands();
// Null if there is none of that name.
const Command* find_command(const std::string& name);

// What `profile` and `explain` have in common: flags that shape the analysis and the profile, and the reading
// of them.
std::vector<Flag> analysis_flags();
std::vector<Flag> policy_flags();
Result<AnalyzeOptions> analyze_options(const Arguments& arguments);
// What of these a profile's origin notes: "--also=FILE".
std::vector<std::string> noted_options(const AnalyzeOptions& options);
Result<ProfileOptions> profile_options(const Arguments& arguments);
// analyze(), and then make_profile(), with the options that shaped the result noted in its origin.
struct Work {
  Analysis analysis;
  Profile profile;
};
// With --image, `path` is a program in the image, and empty what the image starts.
Result<Work> work_out(const std::string& path, const Arguments& arguments);
// --image, for commands that can take a program from there.
Flag image_flag();

// The colours for a stream, from --color; the flag itself is checked by run().
Style style_for(int fd, const Arguments& arguments);

// "1 gap", "2 gaps".
std::string count(size_t number, const std::string& noun);

// The whole program: `words` are the arguments without the program's name. Returns the exit status.
int run(const std::vector<std::string>& words);

}  // namespace stile::cli
