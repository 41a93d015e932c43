import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryBudget } from './budget.ts';

const MIB = 2 ** 20;

test('up to the limit all is admitted, up to twice the limit what is not resident', () => {
  let resident = 50 * MIB;
  const budget = new MemoryBudget(64 * MIB, () => resident);
  assert.equal(budget.admits(65 * MIB), false, 'more than there ever is');
  assert.equal(budget.admits(64 * MIB), true);
  budget.change(64 * MIB);
  assert.equal(budget.admits(10 * MIB), true, 'mapped, not touched');
  budget.change(10 * MIB);
  resident += 60 * MIB;
  assert.equal(budget.admits(10 * MIB), false);
  budget.change(-10 * MIB);
  resident -= 30 * MIB;
  assert.equal(budget.admits(20 * MIB), true);
  budget.change(60 * MIB);
  assert.equal(budget.admits(20 * MIB), false, 'twice the limit');
});

test('areas are refused before the host runs out of mappings, which is told once', () => {
  let told = 0;
  let mappings = 10_000;
  const budget = new MemoryBudget(
    Number.POSITIVE_INFINITY,
    () => 0,
    10_000,
    () => mappings,
    () => told++,
  );
  assert.equal(budget.admitsAreas(3000), true);
  budget.changeAreas(3400);
  assert.equal(budget.admitsAreas(200), false);
  assert.equal(budget.admitsAreas(200), false);
  assert.equal(told, 1);
  budget.changeAreas(-1000);
  assert.equal(budget.admitsAreas(200), true);
  mappings = 5000;
  budget.changeAreas(1500);
  assert.equal(budget.admitsAreas(1000), true, 'there are fewer mappings than areas may take');
  budget.changeAreas(300);
  assert.equal(budget.admitsAreas(1000), false, 'what came since may take two each');
});
