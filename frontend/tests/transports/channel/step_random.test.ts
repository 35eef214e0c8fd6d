/** The state machine of a channel keeps its rules, whatever happens. */
import {describe, expect, it} from 'vitest';
import {World} from './world';

describe('with events at random', () => {
  it.each([1, 2, 4])('the rules hold: %i', seed => {
    const counts: {[action: string]: number} = {};
    const reached = new Set<string>();
    for (let i = 0; i < 60; i++) {
      const world = new World(seed * 1000 + i);
      for (let turn = 0; turn < 80; turn++) {
        world.turn();
        reached.add(world.state.is);
      }
      for (const [action, count] of Object.entries(world.counts)) {
        counts[action] = (counts[action] ?? 0) + count;
      }
    }
    // It has seen all of the machine.
    expect([...reached].sort()).toEqual(['dead', 'none', 'open', 'starting', 'stock']);
    expect(Object.keys(counts).sort()).toEqual(
      'busy bye deny die greet idle later leave limit post refuse send stock takeBack warn'.split(
        ' '
      )
    );
  });
});
