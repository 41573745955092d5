// SPDX-License-Identifier: Apache-2.0
//
// csb_sim_top of Verilator with a clock of its own: a caller says a line for thousands of cycles,
// where a bench of cocotb is asked by VPI at every edge. It is linked to the same compiled model.
//
// Lines of standard input; inputs change right after a rising edge, as registers would make them:
//   set PORT VALUE         no answer
//   get PORT               its value
//   run CYCLES             0
//   until PORT VALUE N     cycles until the port has the value, or -1: not within N of them
// Example: "set goal_i 100", "until done_o 1 50000" runs 100 frames. Answers go to standard output,
// all text of the simulation to standard error; it ends with its input.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "Vtop.h"
#include "verilated.h"

static uint64_t now = 0;
double sc_time_stamp() { return now; }

namespace {

constexpr int kHalf = 1000;  // time steps of half a clock cycle, 1 ps each

struct Port {
    const char* name;
    uint8_t* bits;
    uint32_t* word;
    uint32_t get() const { return bits ? *bits : *word; }
    void set(uint32_t value) { bits ? void(*bits = value) : void(*word = value); }
};

void tick(Vtop& top) {
    for (const uint8_t level : {0, 1}) {
        top.clk_i = level;
        top.eval();
        now += kHalf;
    }
}

}  // namespace

int main(int argc, char** argv) {
    FILE* const answers = fdopen(dup(1), "w");
    dup2(2, 1);
    Verilated::commandArgs(argc, argv);
    static Vtop top{""};  // on the stack or the heap its destructor would cost time at the end
    Port ports[] = {
        {"rst_ni", &top.rst_ni, nullptr},
        {"load_i", &top.load_i, nullptr},
        {"sent_o", &top.sent_o, nullptr},
        {"reg_req_i", &top.reg_req_i, nullptr},
        {"reg_we_i", &top.reg_we_i, nullptr},
        {"reg_ack_o", &top.reg_ack_o, nullptr},
        {"done_o", &top.done_o, nullptr},
        {"stuck_o", &top.stuck_o, nullptr},
        {"dump_i", &top.dump_i, nullptr},
        {"image_words_i", nullptr, &top.image_words_i},
        {"reg_addr_i", nullptr, &top.reg_addr_i},
        {"reg_wdata_i", nullptr, &top.reg_wdata_i},
        {"reg_rdata_o", nullptr, &top.reg_rdata_o},
        {"goal_i", nullptr, &top.goal_i},
        {"in_beats_i", nullptr, &top.in_beats_i},
        {"source_stall_i", nullptr, &top.source_stall_i},
        {"sink_stall_i", nullptr, &top.sink_stall_i},
        {"patience_i", nullptr, &top.patience_i},
        {"cycle_o", nullptr, &top.cycle_o},
    };
    for (Port& port : ports) port.set(0);
    top.clk_i = 0;
    top.eval();

    char line[256], command[16], name[32];
    while (fgets(line, sizeof line, stdin)) {
        unsigned long long value = 0, limit = 0;
        if (sscanf(line, "run %llu", &value) == 1) {
            while (value-- && !Verilated::gotFinish()) tick(top);
            fprintf(answers, "0\n");
        } else if (sscanf(line, "%15s %31s %llu %llu", command, name, &value, &limit) >= 2) {
            Port* port = nullptr;
            for (Port& p : ports)
                if (!strcmp(p.name, name)) port = &p;
            if (!port) return fprintf(stderr, "error: no port %s\n", name), 2;
            if (!strcmp(command, "set")) {
                port->set(value);
                continue;
            }
            long long cycles = 0;
            if (!strcmp(command, "get")) cycles = port->get();
            else
                while (port->get() != value && !Verilated::gotFinish()) {
                    if (static_cast<unsigned long long>(cycles) == limit) {
                        cycles = -1;
                        break;
                    }
                    tick(top);
                    cycles++;
                }
            fprintf(answers, "%lld\n", cycles);
        }
        fflush(answers);
        if (Verilated::gotFinish()) break;
    }
    top.final();
    fflush(nullptr);
    _exit(0);  // memory is the system's matter
}
