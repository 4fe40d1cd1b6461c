; GCounter: home own by merge at home
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |mine.counts| (Int) Int)
(declare-fun |a.counts| (Int) Int)
(declare-fun |b.counts| (Int) Int)
(define-fun t!1 () Bool (< (|mine.counts| |p|) (|b.counts| |p|)))
(assert (not (< (|mine.counts| |p|) (|a.counts| |p|))))
(assert (not t!1))
(assert (< (ite t!1 (|b.counts| |p|) (|mine.counts| |p|)) (|a.counts| |p|)))
(check-sat)
