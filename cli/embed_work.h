// SPDX-License-Identifier: Apache-2.0
//
// What the halves of stile embed share.
#pragma once

#include <string>

#include <stile/analyze.h>
#include <stile/embed.h>

#include "flags.h"

namespace stile::cli {

// The analysis of the program in `file`, without the filter that may be in it already, and the profile for a
// program that confines itself: no container runtime's calls. `options` are those of make_profile.
struct EmbedAnalysis {
  Analysis analysis;
  Profile profile;
};
Result<EmbedAnalysis> analyse_for_embedding(const ProgramFile& file, const std::string& path,
                                            AnalyzeOptions how, ProfileOptions options);

// stile embed --show and --verify, for one file; the exit status.
int show_embedded(const std::string& path, const Arguments& arguments);
int verify_embedded(const std::string& path, const Arguments& arguments);

}  // namespace stile::cli
