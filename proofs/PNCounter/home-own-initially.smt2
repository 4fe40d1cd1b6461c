; PNCounter: home own initially
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |mine.up| (Int) Int)
(declare-fun |mine.down| (Int) Int)
(assert (<= 0 (|mine.up| |p|)))
(assert (<= 0 (|mine.down| |p|)))
(assert (not (and (not (< (|mine.up| |p|) 0)) (not (< (|mine.down| |p|) 0)))))
(check-sat)
