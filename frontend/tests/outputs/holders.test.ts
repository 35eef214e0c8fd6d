/** Which widgets hold which others. */
import {expect, it} from 'vitest';
import {Holders} from '../../src/outputs/holders';

const around = (holders: Holders, widget: string) => [...holders.around(widget)];

it('a trait that is set to another widget no longer holds the former', () => {
  const holders = new Holders();
  holders.learn('box', {children: ['IPY_MODEL_a', 'IPY_MODEL_b'], first: 'IPY_MODEL_a'});
  holders.learn('box', {children: ['IPY_MODEL_b']});
  expect(around(holders, 'a')).toEqual([
    ['a', 0],
    ['box', 1]
  ]);
  holders.learn('box', {first: null});
  expect(around(holders, 'a')).toEqual([['a', 0]]);
  expect(around(holders, 'b')).toEqual([
    ['b', 0],
    ['box', 1]
  ]);
});

it('a widget that is closed holds nothing', () => {
  const holders = new Holders();
  holders.learn('outer', {children: ['IPY_MODEL_box']});
  holders.learn('box', {children: ['IPY_MODEL_a'], layout: 'IPY_MODEL_l'});
  expect(around(holders, 'a')).toEqual([
    ['a', 0],
    ['box', 1],
    ['outer', 2]
  ]);
  holders.forget('box');
  expect(around(holders, 'a')).toEqual([['a', 0]]);
  expect(around(holders, 'l')).toEqual([['l', 0]]);
});

it('widgets that hold each other are found once', () => {
  const holders = new Holders();
  holders.learn('a', {other: 'IPY_MODEL_b'});
  holders.learn('b', {other: 'IPY_MODEL_a'});
  expect(around(holders, 'a')).toEqual([
    ['a', 0],
    ['b', 1]
  ]);
});

it('no more than 10,000 widgets are remembered that hold others', () => {
  const holders = new Holders();
  for (let i = 0; i <= 10_000; i++) {
    holders.learn(`box ${i}`, {children: [`IPY_MODEL_${i}`]});
  }
  expect(holders.around('0').size).toBe(1);
  expect(holders.around('1').size).toBe(2);
  expect(holders.around('10000').size).toBe(2);
});

it('of what thousands hold, not all of them are looked at', () => {
  const holders = new Holders();
  for (let i = 0; i < 5_000; i++) {
    holders.learn(`button ${i}`, {style: 'IPY_MODEL_style'});
  }
  expect(holders.around('style').size).toBe(1_000);
});
