; DotMap: theorem unseen_stays
; unsat means proved
(set-logic ALL)
(declare-fun |d.number| () Int)
(declare-fun |d.replica| () Int)
(declare-fun |s.here| (Int Int) Bool)
(declare-fun |t.seen| (Int Int) Bool)
(declare-fun |s.seen| (Int Int) Bool)
(declare-fun |t.here| (Int Int) Bool)
(define-fun t!1 () Bool (|s.here| |d.replica| |d.number|))
(define-fun t!2 () Bool (|t.seen| |d.replica| |d.number|))
(define-fun t!3 () Bool (|t.here| |d.replica| |d.number|))
(assert (not (or (not (and t!1 (not t!2))) (and (not (and (|s.seen| |d.replica| |d.number|) t!2 (not (and t!1 t!3)))) (or t!1 t!3)))))
(check-sat)
