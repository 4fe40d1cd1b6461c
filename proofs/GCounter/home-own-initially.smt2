; GCounter: home own initially
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |mine.counts| (Int) Int)
(assert (<= 0 (|mine.counts| |p|)))
(assert (< (|mine.counts| |p|) 0))
(check-sat)
