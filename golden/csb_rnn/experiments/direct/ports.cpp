// SPDX-License-Identifier: Apache-2.0
//
// csb_top of Verilator behind a C interface: streams and registers are driven here, cycle by cycle,
// so that a caller in Python says a few words for thousands of cycles.
//
// Signals change right after a rising edge, as registers would make them. A failed assertion of the
// RTL, or a broken rule of a stream, becomes the text of csb_error, and the machine is of no more use.
#include <cstdint>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vcsb_top.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif
#ifdef CSB_PUBLIC
#include "verilated_sym_props.h"
#include "verilated_syms.h"
#endif

void vl_stop(const char* file, int line, const char*) {
    throw std::runtime_error(std::string{file} + ":" + std::to_string(line) + ": assertion failed");
}
void vl_finish(const char*, int, const char*) { throw std::runtime_error("$finish"); }
void vl_fatal(const char*, int, const char*, const char* said) { throw std::runtime_error(said); }

namespace {

constexpr int kWithin = 2000;  // cycles of a register access

struct Source {
    std::deque<std::pair<uint64_t, bool>> queue;  // beats and their TLAST
    bool offers = false, mid = false;  // mid: beats of a packet are taken, but not its last
    uint32_t stall = 0;  // of 256

    void reset() {
        queue.clear();
        offers = mid = false;
    }
    void finish() {  // keeps the rest of a begun packet
        if (!mid) return reset();
        for (size_t i = 0; i < queue.size(); i++)
            if (queue[i].second) return queue.resize(i + 1);
    }
    void taken() {
        mid = !queue.front().second;
        queue.pop_front();
        offers = false;
    }
};

struct Machine {
    VerilatedContext context;
    std::unique_ptr<Vcsb_top> top;
    Source source[2];  // image, frames
    uint32_t sink_stall = 0, axil_stall = 0;
    uint64_t random, cycle = 0;
    std::vector<uint64_t> data;  // taken output beats
    std::vector<uint8_t> last;
    int packets = 0;
    bool held = false, held_last = false;  // an output beat waits
    uint64_t held_data = 0;
    std::string error;

    Machine(uint64_t seed, bool any_program) : random{seed * 2 + 1} {
        const char* arguments[] = {"csb_top", "+any_program"};
        context.commandArgs(any_program ? 2 : 1, arguments);
        context.randReset(seed ? 2 : 0);  // of 0: all zeros
        context.randSeed(static_cast<int>(seed & 0x7fffffff) + 1);
        top.reset(new Vcsb_top{&context, "csb_top"});
        Vcsb_top& t = *top;
        t.clk_i = t.rst_ni = 0;
        t.s_axil_awaddr = t.s_axil_awprot = t.s_axil_awvalid = t.s_axil_wdata = t.s_axil_wstrb = 0;
        t.s_axil_wvalid = t.s_axil_bready = t.s_axil_araddr = t.s_axil_arprot = 0;
        t.s_axil_arvalid = t.s_axil_rready = t.m_axis_frame_tready = 0;
        t.s_axis_image_tvalid = t.s_axis_image_tdata = t.s_axis_image_tlast = 0;
        t.s_axis_frame_tvalid = t.s_axis_frame_tdata = t.s_axis_frame_tlast = 0;
        t.eval();
    }
    bool draw(uint32_t chance) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return (random >> 24 & 255) < chance;
    }
    void offer(Source& s) {
        if (!s.offers && !s.queue.empty() && !draw(s.stall)) s.offers = true;
    }
    void drive() {
        Vcsb_top& t = *top;
        for (Source& s : source) offer(s);
        t.s_axis_image_tvalid = source[0].offers;
        t.s_axis_frame_tvalid = source[1].offers;
        if (source[0].offers) {
            t.s_axis_image_tdata = source[0].queue.front().first;
            t.s_axis_image_tlast = source[0].queue.front().second;
        }
        if (source[1].offers) {
            t.s_axis_frame_tdata = source[1].queue.front().first;
            t.s_axis_frame_tlast = source[1].queue.front().second;
        }
        t.m_axis_frame_tready = !draw(sink_stall);
    }
    void tick() {
        Vcsb_top& t = *top;
        drive();
        t.clk_i = 0;
        t.eval();
        context.timeInc(1);
        const bool image = t.s_axis_image_tvalid && t.s_axis_image_tready;
        const bool frame = t.s_axis_frame_tvalid && t.s_axis_frame_tready;
        const bool valid = t.m_axis_frame_tvalid, ready = t.m_axis_frame_tready;
        uint64_t beat = 0;  // bytes without their TKEEP are none
        for (int i = 0; i < 8; i++)
            if (uint64_t{t.m_axis_frame_tkeep} >> i & 1)
                beat |= uint64_t{t.m_axis_frame_tdata} & uint64_t{255} << 8 * i;
        const bool end = t.m_axis_frame_tlast;
        if (held && t.rst_ni && (!valid || beat != held_data || end != held_last))
            throw std::runtime_error("an offered output beat changed");
        held = valid && !ready && t.rst_ni;
        held_data = beat;
        held_last = end;
        t.clk_i = 1;
        t.eval();
        context.timeInc(1);
        cycle++;
        if (!t.rst_ni) return;
        if (image && source[0].offers) source[0].taken();
        if (frame && source[1].offers) source[1].taken();
        if (valid && ready) {
            data.push_back(beat);
            last.push_back(end);
            packets += end;
        }
    }
    int access(bool write, uint32_t address, uint32_t value, int strobes, uint32_t* out) {
        Vcsb_top& t = *top;
        bool a = false, w = !write, done = false;  // address, data, answer are through
        for (int n = 0; n < kWithin; n++) {
            uint8_t& avalid = write ? t.s_axil_awvalid : t.s_axil_arvalid;
            if (!a && !avalid) avalid = !draw(axil_stall);
            if (!w && !t.s_axil_wvalid) t.s_axil_wvalid = !draw(axil_stall);
            (write ? t.s_axil_awaddr : t.s_axil_araddr) = address;
            t.s_axil_wdata = value;
            t.s_axil_wstrb = strobes;
            const bool answers = !draw(axil_stall);
            t.s_axil_bready = write && answers;
            t.s_axil_rready = !write && answers;
            t.clk_i = 0;
            drive();
            t.eval();
            const bool agone = avalid && (write ? t.s_axil_awready : t.s_axil_arready);
            const bool wgone = t.s_axil_wvalid && t.s_axil_wready;
            const int response = write ? t.s_axil_bresp : t.s_axil_rresp;
            done = answers && (write ? t.s_axil_bvalid : t.s_axil_rvalid);
            if (done && !write) *out = t.s_axil_rdata;
            step();
            if (agone) a = true, avalid = 0;
            if (wgone) w = true, t.s_axil_wvalid = 0;
            if (done) {
                t.s_axil_bready = t.s_axil_rready = 0;
                return response;
            }
        }
        return -2;
    }
    // tick() behind a drive() and an evaluation
    void step() {
        const uint8_t ready = top->m_axis_frame_tready;
        Source* s = source;
        const uint32_t stalls[3] = {s[0].stall, s[1].stall, sink_stall};
        s[0].stall = s[1].stall = 256;  // what is offered was drawn
        sink_stall = ready ? 0 : 256;
        tick();
        s[0].stall = stalls[0], s[1].stall = stalls[1], sink_stall = stalls[2];
    }
};

template <typename F>
int64_t safely(Machine* m, F f) {
    if (!m->error.empty()) return -1;
    try {
        return f();
    } catch (const std::exception& e) {
        m->error = e.what();
        return -1;
    }
}

}  // namespace

extern "C" {

// any_program: programs may break their contracts, see csb_assert.svh
Machine* csb_new(uint64_t seed, int any_program) { return new Machine{seed, any_program != 0}; }
void csb_delete(Machine* m) { delete m; }
const char* csb_error(Machine* m) { return m->error.c_str(); }
uint64_t csb_cycle(Machine* m) { return m->cycle; }
int csb_packets(Machine* m) { return m->packets; }
int64_t csb_beats(Machine* m) { return m->data.size(); }
int csb_offered(Machine* m) { return m->top->m_axis_frame_tvalid; }
int csb_irq(Machine* m) { return m->top->irq_o; }
int csb_left(Machine* m, int which) { return m->source[which].queue.size(); }

int64_t csb_reset(Machine* m, int cycles) {
    return safely(m, [&] {
        m->source[0].reset(), m->source[1].reset();
        m->top->s_axil_awvalid = m->top->s_axil_wvalid = m->top->s_axil_arvalid = 0;
        m->top->rst_ni = 0;
        for (int n = 0; n < cycles; n++) m->tick();
        m->top->rst_ni = 1;
        return cycles;
    });
}

// Runs cycles, at most until so many packets have come; returns how many.
int64_t csb_run(Machine* m, int64_t cycles, int packets) {
    return safely(m, [&] {
        int64_t n = 0;
        while (n < cycles && m->packets < packets) m->tick(), n++;
        return n;
    });
}

int64_t csb_access(Machine* m, int write, uint32_t address, uint32_t value, int strobes,
                   uint32_t* out) {
    return safely(m, [&] { return m->access(write, address, value, strobes, out); });
}

void csb_send(Machine* m, int which, const uint64_t* beats, int64_t n, int packet) {
    for (int64_t i = 0; i < n; i++)  // packet: beats of one, 0: no TLAST
        m->source[which].queue.emplace_back(beats[i], packet && (i + 1) % packet == 0);
}

void csb_source(Machine* m, int which, int finish) {
    if (finish) m->source[which].finish();
    else m->source[which].reset();
}

void csb_stall(Machine* m, int image, int frame, int sink, int axil) {
    m->source[0].stall = image, m->source[1].stall = frame;
    m->sink_stall = sink, m->axil_stall = axil;
}

// Copies the taken beats and forgets them.
void csb_take(Machine* m, uint64_t* data, uint8_t* last) {
    std::memcpy(data, m->data.data(), 8 * m->data.size());
    std::memcpy(last, m->last.data(), m->last.size());
    m->data.clear(), m->last.clear();
    m->packets = 0;
}

#if VM_COVERAGE
// Counts of lines, branches, toggles and expressions since the machine was made.
void csb_coverage(Machine* m, const char* file) { m->context.coveragep()->write(file); }
#endif

#ifdef CSB_PUBLIC
// A line for each variable: scope, name, address, bytes of an element, bits of it, elements.
int csb_variables(Machine* m, const char* file) {
    std::ofstream out{file};
    for (const auto& scope : *m->context.scopeNameMap()) {
        const VerilatedVarNameMap* vars = scope.second->varsp();
        if (!vars) continue;
        for (const auto& v : *vars) {
            const size_t size = v.second.entSize(), total = v.second.totalSize();
            out << scope.first << ' ' << v.first << ' ' << v.second.datap() << ' ' << size << ' '
                << v.second.entBits() << ' ' << (size ? total / size : 0) << '\n';
        }
    }
    return out.good();
}
#endif
// Where the variables are: their distances are the same in all machines of a library.
uint8_t* csb_base(Machine* m) { return &m->top->clk_i; }

}  // extern "C"
