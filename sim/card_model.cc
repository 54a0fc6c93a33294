// SPDX-License-Identifier: BSD-2-Clause
// The Verilated top behind card_pins.h. Nothing but pins is in here.
#include "card_pins.h"

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "Vcard.h"
#include "Vcard__Dpi.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

struct card_model {
	VerilatedContext context;
	std::unique_ptr<Vcard> top;
#if VM_TRACE
	std::unique_ptr<VerilatedFstC> trace;
#endif
	card_edge_fn edge;
	void *ctx;
	card_outputs out;
};

namespace
{

constexpr uint64_t CYCLE_PS = 4000; // 250 MHz

// The one whose clock has an edge.
card_model *at_edge;

void evaluate(card_model *model, bool clk)
{
	model->top->clk = clk;
	model->top->eval();
#if VM_TRACE
	if (model->trace)
		model->trace->dump(model->context.time());
#endif
}

} // namespace

static_assert(sizeof(card_inputs) == 176 && sizeof(card_outputs) == 192,
	      "the structs are those of card_top.sv");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "byte 0 is in bits 7:0 of word 0");

void card_edge(const svBitVecVal *out, svBitVecVal *in)
{
	memcpy(&at_edge->out, out, sizeof(at_edge->out));
	memcpy(in, at_edge->edge(at_edge->ctx, &at_edge->out), sizeof(card_inputs));
}

card_model *card_model_new(const char *trace, const char *firmware, card_edge_fn edge, void *ctx)
{
	try {
		auto model = std::make_unique<card_model>();
		const std::string image = std::string("+firmware=") + (firmware ? firmware : "");
		const char *args[] = { "vesper-sim", image.c_str() };

		model->edge = edge;
		model->ctx = ctx;
		model->context.commandArgs(firmware ? 2 : 1, args);
#if VM_TRACE
		model->context.traceEverOn(trace != nullptr);
#endif
		model->top = std::make_unique<Vcard>(&model->context);
#if VM_TRACE
		if (trace) {
			model->trace = std::make_unique<VerilatedFstC>();
			model->top->trace(model->trace.get(), 99);
			model->trace->open(trace);
			if (!model->trace->isOpen())
				return nullptr;
		}
#else
		if (trace)
			return nullptr;
#endif
		return model.release();
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}

void card_model_free(card_model *model)
{
	if (!model)
		return;
	model->top->final();
#if VM_TRACE
	if (model->trace)
		model->trace->close();
#endif
	delete model;
}

bool card_model_traces(void)
{
	return VM_TRACE;
}

unsigned int card_model_vectors(void)
{
	return CARD_QUEUES + 1;
}

void card_model_cycle(card_model *model)
{
	at_edge = model;
#if VM_TRACE
	evaluate(model, true);
	model->context.timeInc(CYCLE_PS / 2);
	evaluate(model, false);
	model->context.timeInc(CYCLE_PS / 2);
#else
	/* TOGGLE of card_top.sv */
	evaluate(model, !model->top->clk);
	model->context.timeInc(CYCLE_PS);
#endif
}
