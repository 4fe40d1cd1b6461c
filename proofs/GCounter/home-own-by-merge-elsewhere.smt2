; GCounter: home own by merge elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |mine.counts| (Int) Int)
(declare-fun |a.counts| (Int) Int)
(declare-fun |b.counts| (Int) Int)
(assert (not (< (|mine.counts| |p|) (|a.counts| |p|))))
(assert (not (< (|mine.counts| |p|) (|b.counts| |p|))))
(assert (< (|mine.counts| |p|) (ite (< (|a.counts| |p|) (|b.counts| |p|)) (|b.counts| |p|) (|a.counts| |p|))))
(check-sat)
