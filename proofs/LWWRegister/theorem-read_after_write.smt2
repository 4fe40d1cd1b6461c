; LWWRegister: theorem read_after_write
; unsat means proved
(set-logic ALL)
(declare-fun |s.present| () Bool)
(declare-fun |s.time| () Int)
(declare-fun |s.writer| () Int)
(declare-fun |s.value| () Int)
(declare-fun |v| () Int)
(declare-fun |p| () Int)
(declare-fun |now| () Int)
(define-fun t!1 () Int (ite |s.present| (ite (< |now| (+ |s.time| 1)) (+ |s.time| 1) |now|) |now|))
(assert (not (= |v| (ite (not |s.present|) |v| (ite (or (< |s.time| t!1) (and (= |s.time| t!1) (< |s.writer| |p|))) |v| |s.value|)))))
(check-sat)
